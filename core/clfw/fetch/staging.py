"""A hidden staging folder next to the place where its result will be published.

The folder belongs to one process and holds all unfinished work; results are published by a rename.
A folder whose process is dead is taken over by a rename too, which only one process can win, so
nothing here relies on a lock.
"""

import os
import platform
import re
import secrets
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from clfw.errors import OutputError, StorageError
from clfw.io.storage import sync_folder
from clfw.text import escape

STALE = 600.0  # seconds without a change after which another machine's folder counts as abandoned
MAX_SINGLE = 64  # files flushed one by one; a larger tree by one sync of the whole system


@contextmanager
def staged(folder: Path, name: str) -> Iterator[Path]:
    """A staging folder of this process, with what an interrupted process left in its own.

    It is removed after the body; if the body fails, it stays for the next process to continue.
    """
    stage = folder / f".{name}.{_owner()}.part"
    if not _take_over(folder, name, stage):
        create_folder(stage)
    try:
        yield stage
    except BaseException:
        _release(folder, name, stage)
        raise
    shutil.rmtree(stage, ignore_errors=True)
    sweep(folder, name)


def sweep(folder: Path, name: str) -> None:
    """Remove the staging folders of dead processes, once nobody needs them."""
    for abandoned in _abandoned(folder, name):
        shutil.rmtree(abandoned, ignore_errors=True)


def create_folder(folder: Path) -> None:
    """Create a folder and its parents."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{escape(str(folder))}: cannot be created: {error.strerror}",
            hint="choose a writable folder with --data-dir",
        ) from None


def others_working(folder: Path, name: str) -> bool:
    """Whether a live process has a staging folder for `name`."""
    return any(_is_alive(path) for path in _stages(folder, name))


def publish(source: Path, target: Path) -> None:
    """Move `source` to `target`, flushed first, by rename; an existing file stays."""
    try:
        flush(source)
        _place(source, target)
        sync_folder(target.parent)
    except OSError as error:
        raise StorageError(f"{escape(str(target))}: cannot be written: {error.strerror}") from None


def _place(source: Path, target: Path) -> None:
    if not source.is_dir():
        _place_file(source, target)
        return
    if not target.exists():
        with suppress(OSError):  # it appeared meanwhile
            os.rename(source, target)
            return
    for inner in sorted(source.iterdir()):
        _place(inner, target / inner.name)
    sync_folder(target)


def _place_file(source: Path, target: Path) -> None:
    """Rename without replacing: a link fails where the target exists."""
    try:
        os.link(source, target)
    except FileExistsError:
        return
    except OSError:  # a file system without links
        if not target.exists():
            os.rename(source, target)


def flush(path: Path) -> None:
    """Flush a file, or a folder with everything in it, to disk."""
    if not path.is_dir():
        with path.open("r+b") as file:
            os.fsync(file.fileno())
        return
    inside = list(path.rglob("*"))
    if len(inside) > MAX_SINGLE and hasattr(os, "sync"):
        os.sync()
        return
    for inner in inside:
        sync_folder(inner) if inner.is_dir() else flush(inner)
    sync_folder(path)


def _owner() -> str:
    return f"{_host()}-{os.getpid()}-{secrets.token_hex(4)}"


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", platform.node())[:40] or "host"


def _stages(folder: Path, name: str) -> list[Path]:
    return [path for path in folder.glob(f".{name}.*.part") if path.is_dir()]


def _abandoned(folder: Path, name: str) -> list[Path]:
    """Staging folders of dead processes, the fullest first."""
    gone = [path for path in _stages(folder, name) if not _is_alive(path)]
    return sorted(gone, key=_size, reverse=True)


def _take_over(folder: Path, name: str, stage: Path) -> bool:
    for abandoned in _abandoned(folder, name):
        with suppress(OSError):  # another process was faster
            os.rename(abandoned, stage)
            return True
    return False


def _release(folder: Path, name: str, stage: Path) -> None:
    """Leave the folder for the next process; remove it if it is empty."""
    if not _size(stage):
        shutil.rmtree(stage, ignore_errors=True)
        return
    with suppress(OSError):
        os.rename(stage, folder / f".{name}.free-{secrets.token_hex(4)}.part")


def _is_alive(stage: Path) -> bool:
    """Whether the process that owns a staging folder may still be working in it."""
    owner = stage.name.split(".")[2].rsplit("-", 2)
    if len(owner) != 3 or not owner[1].isdecimal():
        return False
    if owner[0] != _host() or sys.platform == "win32":  # there, a signal would end the process
        return time.time() - _changed(stage) < STALE
    try:
        os.kill(int(owner[1]), 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True


def _changed(stage: Path) -> float:
    times = [0.0]
    with suppress(OSError):
        times += [path.stat().st_mtime for path in (stage, *stage.rglob("*"))]
    return max(times)


def _size(stage: Path) -> int:
    total = 0
    with suppress(OSError):
        for path in stage.rglob("*"):
            total += path.stat().st_size if path.is_file() else 0
    return total
