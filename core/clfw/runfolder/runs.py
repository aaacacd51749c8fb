"""The run folder: created once, never overwritten, everything in it readable by people."""

import csv
import errno
import io
import json
import os
import platform
import re
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from clfw import storage
from clfw.artifacts.tensorheader import strict_json
from clfw.errors import DataError, OutputError, StorageError, printable
from clfw.storage import append, write_atomically

PLAN = "plan.json"
SUMMARY = "summary.json"
METRICS = "metrics.jsonl"
STEPS = "steps.csv"
EVALUATION = "evaluation.json"
ENVIRONMENT = "environment.json"
DATA = "data.json"
EXCLUDED = "excluded.csv"
BAD_PICTURES = "bad_pictures.csv"
BACKBONE = "backbone.safetensors"
PACKAGES = ("clfw", "torch", "numpy", "opencv-python-headless", "safetensors", "pluggy", "pydantic")


def begin_run_folder(out: Path | None) -> Path:
    """A hidden folder to write the beginning of a run into, beside the place where it will be."""
    parent = Path("runs") if out is None else out.parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
        storage.sweep_dead(parent)
        folder = parent / storage.unique_name("run")
        storage.make_folder(folder)
    except OSError as error:
        raise OutputError(
            f"{out or parent}: cannot be created: {error.strerror}",
            hint="name another folder with --out",
        ) from None
    return folder


def put_in_place(begun: Path, out: Path | None, name: str) -> Path:
    """Give a begun folder its name: `out`, or `runs/NAME-001` with the next free number.

    By one rename, so that a run folder is there whole or not at all, and only one process gets it.

    Raises:
        OutputError: the name is taken.
    """
    parent = begun.parent
    try:
        for number in range(next_number(parent, name), 1_000_000):
            folder = out or parent / f"{name}-{number:03d}"
            if not os.path.lexists(folder) and renamed(begun, folder):
                storage.sync_folder(parent)
                return folder
            if out is not None:
                break
    except OSError as error:
        raise OutputError(
            f"{out or parent}: cannot be created: {error.strerror}",
            hint="name another folder with --out",
        ) from None
    raise taken(out or parent / name)


def renamed(begun: Path, folder: Path) -> bool:
    """Whether `begun` could take the name, which another process may take in the same moment."""
    try:
        storage.rename(begun, folder)
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
            return False
        raise
    return True


def taken(folder: Path) -> OutputError:
    """The error for a name that is in use."""
    return OutputError(
        f"{folder}: is there already, and a run never overwrites anything",
        hint="name another folder with --out, or leave --out away",
    )


def require_creatable(out: Path | None) -> None:
    """Raise what a run would raise for `out`, without creating anything."""
    target = out or Path("runs")
    if out is not None and os.path.exists(out):  # noqa: PTH110  (takes names that no disk can)
        raise taken(out)
    places = (target, *target.absolute().parents)
    existing = next(p for p in places if os.path.exists(p))  # noqa: PTH110
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise OutputError(
            f"{target}: cannot be created: {existing} is not a writable folder",
            hint="name another folder with --out",
        )


def next_number(parent: Path, name: str) -> int:
    """One more than the highest number that runs of that name have."""
    numbers = [
        int(path.name.rpartition("-")[2])
        for path in parent.glob(f"{name}-*")
        if path.name.rpartition("-")[2].isdecimal() and path.name.rpartition("-")[0] == name
    ]
    return max(numbers, default=0) + 1


def write_json(path: Path, value: Any) -> None:
    """Indented JSON, whole or not at all; a byte of a name that is no text stands as `\\xff`."""
    text = json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False)
    text = re.sub("[\ud800-\udfff]", lambda half: rf"\\x{ord(half[0]) & 255:02x}", text)
    write_atomically(path, f"{text}\n".encode())


def append_lines(path: Path, lines: Iterable[str]) -> None:
    """Add lines to a file that grows with the run."""
    append(path, "".join(f"{line}\n" for line in lines).encode())


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A CSV file, whole or not at all."""
    write_atomically(path, csv_bytes(header, rows))


def csv_bytes(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """The content of a CSV file."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode("utf-8", errors="surrogateescape")


def read_json(path: Path) -> Any:
    """The content of a JSON file of a run folder."""
    try:
        return strict_json(path.read_bytes())
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: damaged: {printable(str(error))}") from None


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
