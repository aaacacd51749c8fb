"""The run folder: created once, never overwritten, everything in it readable by people."""

import csv
import io
import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from clfw.errors import OutputError, StorageError
from clfw.storage import append, write_atomically

PLAN = "plan.json"
SUMMARY = "summary.json"
METRICS = "metrics.jsonl"
STEPS = "steps.csv"
EVALUATION = "evaluation.json"
ENVIRONMENT = "environment.json"
DATA = "data.json"
BACKBONE = "backbone.safetensors"
PACKAGES = ("clfw", "torch", "numpy", "opencv-python-headless", "safetensors", "pluggy", "pydantic")


def create_run_folder(out: Path | None, name: str) -> Path:
    """A new folder: `out`, or `runs/NAME-001` with the next free number.

    Raises:
        OutputError: it is there already, or cannot be made.
    """
    try:
        if out is not None:
            out.mkdir(parents=True)
            return out
        for number in range(next_number(Path("runs"), name), 1_000_000):
            folder = Path("runs") / f"{name}-{number:03d}"
            try:
                folder.mkdir(parents=True)
            except FileExistsError:  # another run took it in this moment
                continue
            return folder
    except FileExistsError:
        raise OutputError(
            f"{out}: is there already, and a run never overwrites anything",
            hint="name another folder with --out, or leave --out away",
        ) from None
    except OSError as error:
        raise OutputError(
            f"{out or 'runs'}: cannot be created: {error.strerror}",
            hint="name another folder with --out",
        ) from None
    raise OutputError(f"runs/{name}: no number is left")


def require_creatable(out: Path | None) -> None:
    """Raise what `create_run_folder` would raise for `out`, without creating anything."""
    target = out or Path("runs")
    if out is not None and os.path.exists(out):  # noqa: PTH110  (takes names that no disk can)
        raise OutputError(
            f"{out}: is there already, and a run never overwrites anything",
            hint="name another folder with --out, or leave --out away",
        )
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
    """Indented JSON, whole or not at all."""
    text = json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False)
    write_atomically(path, f"{text}\n".encode())


def append_lines(path: Path, lines: Iterable[str]) -> None:
    """Add lines to a file that grows with the run."""
    append(path, "".join(f"{line}\n" for line in lines).encode())


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A CSV file, whole or not at all."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_atomically(path, text.getvalue().encode("utf-8", errors="surrogateescape"))


def read_json(path: Path) -> Any:
    """The content of a JSON file of a run folder."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError:
        raise StorageError(f"{path}: damaged: not JSON") from None


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
