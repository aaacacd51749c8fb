"""The run folder: created once, never overwritten, everything in it readable by people."""

import errno
import os
import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from clfw.errors import DataError, OutputError
from clfw.io import storage
from clfw.io.storage import already_exists, write_atomically
from clfw.text import escape

PACKAGES = ("clfw", "torch", "numpy", "opencv-python-headless", "safetensors", "pluggy", "pydantic")


def begin_run_folder(out: Path | None) -> Path:
    """A hidden folder for the first files of a run, next to its final place."""
    parent = Path("runs") if out is None else out.parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
        storage.remove_orphans(parent)
        folder = parent / storage.unique_name("run")
        storage.make_folder(folder)
    except OSError as error:
        raise OutputError(
            f"{out or parent}: cannot be created: {error.strerror}",
            hint="choose another folder with --out",
        ) from None
    return folder


def put_in_place(hidden: Path, out: Path | None, name: str) -> Path:
    """Rename a hidden folder to `out`, or to `runs/NAME-001` with the next free number.

    One rename, so that a run folder exists complete or not at all, and only one process gets it.

    Raises:
        OutputError: the name is taken.
    """
    parent = hidden.parent
    try:
        for number in range(next_number(parent, name), 1_000_000):
            folder = out or parent / f"{name}-{number:03d}"
            if not os.path.lexists(folder) and try_rename(hidden, folder):
                storage.sync_folder(parent)
                return folder
            if out is not None:
                break
    except OSError as error:
        raise OutputError(
            f"{out or parent}: cannot be created: {error.strerror}",
            hint="choose another folder with --out",
        ) from None
    raise already_exists(out or parent / name)


def try_rename(hidden: Path, folder: Path) -> bool:
    """Rename `hidden` to `folder`; False if another process has taken the name meanwhile."""
    try:
        storage.rename(hidden, folder)
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
            return False
        raise
    return True


def next_number(parent: Path, name: str) -> int:
    """One more than the highest number of the runs with that name."""
    numbers = [
        int(path.name.rpartition("-")[2])
        for path in parent.glob(f"{name}-*")
        if path.name.rpartition("-")[2].isdecimal() and path.name.rpartition("-")[0] == name
    ]
    return max(numbers, default=0) + 1


def refuse_links(folder: Path) -> None:
    """Raise `DataError` where a run folder holds a link: what is written there would land elsewhere.

    The folder itself may be reached by one.
    """
    waiting = [folder]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_symlink():
                    name = os.path.relpath(entry.path, folder)
                    raise DataError(
                        f"{escape(str(folder))}: '{escape(name)}' is a link, and a run folder holds none",
                        hint="put the file itself there, or use a copy of the run made without links",
                    )
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(Path(entry.path))


def separate(path: Path) -> None:
    """Give a file that has other names too (hard links) bytes of its own, so that those stay as they are."""
    if path.exists() and path.stat().st_nlink > 1:
        write_atomically(path, path.read_bytes())


def environment(device: Mapping[str, str]) -> dict[str, Any]:
    """Versions and machine, for `environment.json`."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "absent"
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "packages": versions,
        **device,
    }
