"""How files are put on disk, whole or not at all, and where caches live.

Everything that a run or a cache writes goes through the few calls at the end, so that a test can
stop the world at any one of them, or let any one of them fail.
"""

import os
from pathlib import Path

from clfw.errors import OutputError, StorageError
from clfw.io.user_folders import user_folder


def cache_root() -> Path:
    """`CLFW_CACHE_DIR`, else the platform's cache folder."""
    override = os.environ.get("CLFW_CACHE_DIR")
    if override:
        return Path(override)
    return user_folder("cache")


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
    """A name for something half made: hidden, no other process's, and short enough for a disk."""
    return f".{name[:80]}.tmp-{host()}-{os.getpid()}-{os.urandom(4).hex()}"


def host() -> str:
    """This machine, as a part of a file's name."""
    import socket

    return socket.gethostname().split(".")[0][:32]


def write_atomically(path: Path, *data: bytes | memoryview) -> None:
    """Write beside the target, flush to disk, rename; a reader sees the old file or the new one.

    Raises:
        StorageError: the disk refused; the old file, if any, is as it was.
    """
    temporary = path.parent / unique_name(path.name)
    try:
        write_durably(temporary, *data)
        rename(temporary, path)
        sync_folder(path.parent)
    except OSError as error:
        try_remove(temporary)
        raise StorageError(f"{path}: cannot be written: {error.strerror}") from None


NO_LINK = getattr(
    os, "O_NOFOLLOW", 0
)  # a link in place of a file is an error, where there are links


def append(path: Path, data: bytes) -> None:
    """Add to a file that grows with a run."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | NO_LINK, 0o666)
        try:
            write_all(descriptor, data)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {error.strerror}") from None


def write_durably(path: Path, *data: bytes | memoryview) -> None:
    """A new file of all parts, on the disk itself when this returns; its mode follows the umask."""
    descriptor = create(path)
    try:
        for part in data:
            write_all(descriptor, part)
        sync_file(descriptor)
    finally:
        os.close(descriptor)


def is_unfinished(path: Path) -> bool:
    """Whether a name is one of `unique_name`."""
    return path.name.startswith(".") and ".tmp-" in path.name


def remove_temporaries(folder: Path) -> None:
    """Remove what a killed process left half made in a folder that nobody else writes."""
    for path in folder.glob(".*.tmp-*"):
        remove(path)


def remove_orphans(folder: Path) -> None:
    """The same in a folder that others write too: what this machine's ended processes left."""
    for path in folder.glob(f".*.tmp-{host()}-*"):
        pid = path.name.split("-")[-2]
        if pid.isdecimal() and not Path("/proc", pid).exists() and Path("/proc/self").exists():
            try_remove(path)


def discard(path: Path) -> None:
    """Remove what others may be about to read: by one rename first, so that nobody finds half of it.

    Whoever has it mapped or open keeps it until done.
    """
    gone = path.parent / unique_name(path.name)
    try:
        rename(path, gone)
    except FileNotFoundError:  # another process was faster
        return
    try_remove(gone)


def touch(path: Path) -> None:
    """Note that a cache was used just now; one that cannot be written to is used all the same."""
    try:
        os.utime(path)
    except OSError:
        return


def try_remove(path: Path) -> None:
    """Remove if the disk lets us; else the next start sweeps."""
    try:
        remove(path)
    except OSError:
        return


def require_free_space(folder: Path, size: int, what: str) -> None:
    """Raise `StorageError` unless the disk of `folder` has `size` bytes free."""
    import shutil

    free = shutil.disk_usage(folder).free
    if free < size:
        raise StorageError(
            f"{folder}: {what} need up to {size / 1e6:.1f} MB, and {free / 1e6:.1f} MB are free",
            hint="free some space, or name a folder on another disk with --out",
        )


def create(path: Path) -> int:
    """Open a file that is not there yet."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)


def make_folder(path: Path, *, exist_ok: bool = False) -> None:
    """A new folder."""
    path.mkdir(exist_ok=exist_ok)


def truncate(path: Path, size: int) -> None:
    """Shorten a file to `size` bytes."""
    os.truncate(path, size)


def write_all(descriptor: int, data: bytes | memoryview) -> None:
    """All of `data`, however many calls it takes."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def sync_file(descriptor: int) -> None:
    """Flush one file; a failure is final, as the kernel may have dropped the pages."""
    os.fsync(descriptor)


def sync_path(path: Path) -> None:
    """Flush a file that was written to before, and whose bytes are about to be relied on."""
    try:
        descriptor = os.open(path, os.O_RDWR)
        try:
            sync_file(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise StorageError(f"{path}: cannot be flushed: {error.strerror}") from None


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
        import shutil

        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def already_there(folder: Path) -> OutputError:
    """The error for a name that is in use."""
    return OutputError(
        f"{folder}: is there already, and a run never overwrites anything",
        hint="name another folder with --out, or leave --out away",
    )


def require_creatable(out: Path | None) -> None:
    """Raise what a run would raise for `out`, without creating anything."""
    target = out or Path("runs")
    if out is not None and os.path.exists(out):  # noqa: PTH110  (takes names that no disk can)
        raise already_there(out)
    places = (target, *target.absolute().parents)
    existing = next(p for p in places if os.path.exists(p))  # noqa: PTH110
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise OutputError(
            f"{target}: cannot be created: {existing} is not a writable folder",
            hint="name another folder with --out",
        )
