"""How files are written atomically, and where a user's configuration, caches and data are.

Everything that a run or a cache writes goes through the few calls at the end, so that a test can
kill the process at any of them, or make any of them fail.
"""

import os
import sys
from pathlib import Path
from typing import Literal

from clfw.errors import ClfwError, OutputError, StorageError

XDG = {"config": "~/.config", "cache": "~/.cache", "data": "~/.local/share"}


def user_folder(kind: Literal["config", "cache", "data"]) -> Path:
    """clfw's folder, as `platformdirs` would say; on Linux without it, as its import is slow."""
    if sys.platform == "linux":
        named = Path(os.environ.get(f"XDG_{kind.upper()}_HOME", ""))
        return (named if named.is_absolute() else Path(XDG[kind]).expanduser()) / "clfw"
    import platformdirs

    return Path(getattr(platformdirs, f"user_{kind}_dir")("clfw"))


def cache_root() -> Path:
    """`CLFW_CACHE_DIR`, else the platform's cache folder."""
    override = os.environ.get("CLFW_CACHE_DIR")
    if override:
        return Path(override)
    return user_folder("cache")


def cache_folder(name: str) -> Path:
    """The folder of one cache, created if it does not exist."""
    folder = cache_root() / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{folder}: cannot be created: {error.strerror}",
            hint="set CLFW_CACHE_DIR to a writable folder",
        ) from None
    return folder


def unique_name(name: str) -> str:
    """A name for something unfinished: hidden, unique to this process, short enough for any disk."""
    return f".{name[:80]}.tmp-{host_name()}-{os.getpid()}-{os.urandom(4).hex()}"


def host_name() -> str:
    """This machine's name, as part of a file name."""
    import socket

    return socket.gethostname().split(".")[0][:32]


def write_atomically(path: Path, *data: bytes | memoryview) -> None:
    """Write next to the target, flush to disk, rename; a reader sees the old file or the new one.

    Raises:
        StorageError: the write failed; the old file, if any, is unchanged.
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
    """Append to a file that grows with a run."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | NO_LINK, 0o666)
        try:
            write_all(descriptor, data)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {error.strerror}") from None


def write_durably(path: Path, *data: bytes | memoryview) -> None:
    """A new file of all parts, flushed to disk when this returns; its mode follows the umask."""
    descriptor = create(path)
    try:
        for part in data:
            write_all(descriptor, part)
        sync_file(descriptor)
    finally:
        os.close(descriptor)


def is_unfinished(path: Path) -> bool:
    """Whether a name was made by `unique_name`."""
    return path.name.startswith(".") and ".tmp-" in path.name


def remove_temporaries(folder: Path) -> None:
    """Remove what a killed process left unfinished in a folder that nobody else writes to."""
    for path in folder.glob(".*.tmp-*"):
        remove(path)


def remove_orphans(folder: Path) -> None:
    """The same in a shared folder: only what dead processes of this machine left."""
    for path in folder.glob(f".*.tmp-{host_name()}-*"):
        pid = path.name.split("-")[-2]
        if pid.isdecimal() and not Path("/proc", pid).exists() and Path("/proc/self").exists():
            try_remove(path)


def discard(path: Path) -> None:
    """Remove what others may be about to read: renamed first, so that nobody finds half of it.

    Whoever has it mapped or open keeps it until done.
    """
    gone = path.parent / unique_name(path.name)
    try:
        rename(path, gone)
    except FileNotFoundError:  # another process was faster
        return
    try_remove(gone)


def touch(path: Path) -> None:
    """Mark a cache as used just now; a read-only one works too."""
    try:
        os.utime(path)
    except OSError:
        return


def try_remove(path: Path) -> None:
    """Remove if possible; otherwise a later start cleans up."""
    try:
        remove(path)
    except OSError:
        return


def require_free_space(
    folder: Path,
    size: int,
    what: str,
    *,
    error: type[ClfwError] = StorageError,
    hint: str = "free some space, or choose a folder on another disk with --out",
) -> None:
    """Raise `error` unless the disk of `folder` has `size` bytes free for `what`."""
    import shutil

    free = shutil.disk_usage(folder).free
    if free < size:
        raise error(
            f"{folder}: {what} need up to {size / 1e6:,.1f} MB, and {free / 1e6:,.1f} MB are free",
            hint=hint,
        )


def create(path: Path) -> int:
    """Open a new file; fails if it exists."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)


def make_folder(path: Path, *, exist_ok: bool = False) -> None:
    """A new folder."""
    path.mkdir(exist_ok=exist_ok)


def truncate(path: Path, size: int) -> None:
    """Shorten a file to `size` bytes."""
    os.truncate(path, size)


def write_all(descriptor: int, data: bytes | memoryview) -> None:
    """Write all of `data`, in as many calls as it takes."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def sync_file(descriptor: int) -> None:
    """Flush a file; a failure is final, as the kernel may have dropped the pages."""
    os.fsync(descriptor)


def sync_path(path: Path) -> None:
    """Flush a file written earlier, before its bytes are relied on."""
    try:
        descriptor = os.open(path, os.O_RDWR)
        try:
            sync_file(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise StorageError(f"{path}: cannot be flushed: {error.strerror}") from None


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def rename(source: Path, target: Path) -> None:
    """Move `source` to `target`, replacing what is there."""
    os.replace(source, target)


def remove(path: Path) -> None:
    """Delete a file or a whole folder."""
    if path.is_dir() and not path.is_symlink():
        import shutil

        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def already_exists(folder: Path) -> OutputError:
    """The error for a folder that exists."""
    return OutputError(
        f"{folder}: already exists, and a run never overwrites anything",
        hint="choose another folder with --out, or omit --out",
    )


def require_creatable(out: Path | None) -> None:
    """Raise what a run would raise for `out`; creates nothing."""
    target = out or Path("runs")
    if out is not None and os.path.exists(out):  # noqa: PTH110  (accepts names that no disk can hold)
        raise already_exists(out)
    places = (target, *target.absolute().parents)
    existing = next(p for p in places if os.path.exists(p))  # noqa: PTH110
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise OutputError(
            f"{target}: cannot be created: {existing} is not a writable folder",
            hint="choose another folder with --out",
        )
