"""How files are put on disk, whole or not at all, and where caches live.

Everything that a run or a cache writes goes through the few calls at the end, so that a test can
stop the world at any one of them.
"""

import os
import secrets
import shutil
import socket
from pathlib import Path

from clfw.errors import OutputError, StorageError


def cache_root() -> Path:
    """`CLFW_CACHE_DIR`, else the platform's cache folder."""
    override = os.environ.get("CLFW_CACHE_DIR")
    if override:
        return Path(override)
    import platformdirs

    return Path(platformdirs.user_cache_dir("clfw"))


def cache_folder(name: str) -> Path:
    """The folder of one cache, created if need be."""
    folder = cache_root() / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{folder}: cannot be created: {error.strerror}",
            hint="name a writable cache folder with CLFW_CACHE_DIR",
        ) from None
    return folder


def unique_name(name: str) -> str:
    """A name for something half made: hidden, and no other process's."""
    host = socket.gethostname().split(".")[0][:32]
    return f".{name}.tmp-{host}-{os.getpid()}-{secrets.token_hex(4)}"


def write_atomically(path: Path, data: bytes) -> None:
    """Write beside the target, flush to disk, rename; a reader sees the old file or the new one.

    Raises:
        StorageError: the disk refused; the old file, if any, is as it was.
    """
    temporary = path.parent / unique_name(path.name)
    try:
        write_durably(temporary, data)
        rename(temporary, path)
        sync_folder(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StorageError(f"{path}: cannot be written: {error.strerror}") from None


def append(path: Path, data: bytes) -> None:
    """Add to a file that grows with a run."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            write_all(descriptor, data)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {error.strerror}") from None


def write_durably(path: Path, data: bytes) -> None:
    """A new file with `data`, on the disk itself when this returns; its mode follows the umask."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        write_all(descriptor, data)
        sync_file(descriptor)
    finally:
        os.close(descriptor)


def sweep(folder: Path) -> list[str]:
    """Remove what a killed process left half made; the names."""
    left = list(folder.glob(".*.tmp-*"))
    for path in left:
        remove(path)
    return [path.name for path in left]


def write_all(descriptor: int, data: bytes) -> None:
    """All of `data`, however many calls it takes."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def sync_file(descriptor: int) -> None:
    """Flush one file; a failure is final, as the kernel may have dropped the pages."""
    os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Flush a folder's names."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def rename(source: Path, target: Path) -> None:
    """Put `source` in `target`'s place."""
    os.replace(source, target)


def remove(path: Path) -> None:
    """Delete a file or a whole folder."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
