"""Checkpoints on disk: committed by a rename, verified by hash, found by step. No pickle.

A checkpoint is a folder `step-N` of three files: `state.safetensors` (every tensor), `state.json`
(counters), and `manifest.json` (step, sizes and SHA-256 of the two), which is written last. The
folder is made under another name and renamed when all is flushed, so it is there whole or not at
all. The latest one is the one of the highest step that verifies; no clock and no order of names
decides.
"""

import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from clfw.errors import DataError, Diverged, StorageError
from clfw.io import storage
from clfw.io.json_text import canonical_json, strict_json
from clfw.models.safetensors_io import decode, encode, first_not_finite
from clfw.text import escape

FORMAT = 1
KEPT = 2
NEWER = "upgrade clfw"  # what helps with a format of the future
TENSORS, COUNTERS, MANIFEST = "state.safetensors", "state.json", "manifest.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """The state of training after `step` updates.

    Attributes:
        tensors: by slash-separated name.
        counters: everything else, as JSON values.
    """

    step: int
    tensors: Mapping[str, Tensor]
    counters: Mapping[str, Any]


def commit(folder: Path, snapshot: Snapshot, require: Callable[[], None] = lambda: None) -> Path:
    """Put a snapshot into `folder` durably, verify it, and only then drop older ones.

    `require` is asked last, and raises where this process may not write any more.

    Raises:
        Diverged: a tensor is not finite; nothing is written.
        StorageError: the disk refused; the older checkpoints are as they were.
    """
    require_finite(snapshot)
    files = {
        TENSORS: encode(snapshot.tensors),
        COUNTERS: canonical_json(snapshot.counters).encode(),
    }
    files[MANIFEST] = manifest_of(snapshot.step, files)
    target = folder / f"step-{snapshot.step:09d}"
    temporary = folder / storage.unique_name(target.name)
    try:
        storage.make_folder(folder, exist_ok=True)
        storage.make_folder(temporary)
        for name, data in files.items():
            storage.write_durably(temporary / name, data)
        storage.sync_folder(temporary)
        require()
        if target.exists():  # a damaged one, or one that somebody else put there
            storage.rename(target, folder / f"damaged-{target.name}-{secrets.token_hex(4)}")
        storage.rename(temporary, target)
        storage.sync_folder(folder)
        verify(target)
        prune(folder)
    except OSError as error:
        size = sum(map(len, files.values())) / 1e6
        raise StorageError(
            f"{folder}: cannot save step {snapshot.step} ({size:.1f} MB): {error.strerror}",
            hint="free some space",
        ) from None
    finally:
        if temporary.exists():
            storage.try_remove(temporary)
    return target


def require_finite(snapshot: Snapshot) -> None:
    """Raise `Diverged` naming the first tensor that holds a value that is not finite."""
    if (name := first_not_finite(snapshot.tensors)) is not None:
        raise Diverged(
            f"step {snapshot.step}: {name.replace('/', ' ', 1)} is not finite, so it is not saved",
            hint="train with a lower learning rate; the checkpoints before it are intact",
        )


def manifest_of(step: int, files: Mapping[str, bytes]) -> bytes:
    """The manifest, which follows from the step and the two files alone."""
    facts = {
        name: {"bytes": len(files[name]), "sha256": hashlib.sha256(files[name]).hexdigest()}
        for name in (TENSORS, COUNTERS)
    }
    return canonical_json({"format": FORMAT, "step": step, "files": facts}).encode()


def verify(checkpoint: Path) -> tuple[int, dict[str, bytes]]:
    """The step and the content of both files, once every byte is what the manifest says.

    Raises:
        DataError: what is wrong with which file.
    """
    try:
        files = {name: (checkpoint / name).read_bytes() for name in (TENSORS, COUNTERS, MANIFEST)}
    except OSError as error:
        where = Path(str(error.filename)).name
        raise DataError(f"{checkpoint.name}: damaged: {where}: {error.strerror}") from None
    return require_whole(checkpoint.name, files), files


def require_whole(name: str, files: Mapping[str, bytes]) -> int:
    """The step of the checkpoint called `name`; `DataError` unless its files are as committed."""
    digits = name.removeprefix("step-")
    step = int(digits) if digits.isdecimal() else -1
    expected = manifest_of(step, files)
    if files[MANIFEST] == expected:
        return step
    try:
        found = strict_json(files[MANIFEST])
        if found["format"] != FORMAT:
            raise DataError(
                f"{name}: format {escape(str(found['format']))}; this clfw reads {FORMAT}",
                hint=NEWER,
            )
        if found["step"] != step:
            raise DataError(f"{name}: the manifest is of another checkpoint")
        wanted = strict_json(expected)["files"]
        wrong = [n for n in wanted if found["files"][n]["sha256"] != wanted[n]["sha256"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        wrong = []
    raise DataError(f"{name}: damaged: {f'{wrong[0]}: sha256 differs' if wrong else MANIFEST}")


def read(checkpoint: Path) -> Snapshot:
    """The snapshot in a checkpoint; `DataError` where it does not verify."""
    step, files = verify(checkpoint)
    tensors = decode(files[TENSORS], checkpoint.name)
    try:
        counters = strict_json(files[COUNTERS])
    except (ValueError, RecursionError) as error:
        raise DataError(f"{checkpoint.name}: damaged: {escape(str(error))}") from None
    return Snapshot(step=step, tensors=tensors, counters=counters)


def listed(folder: Path) -> list[Path]:
    """All folders with a checkpoint's name, the highest step first."""
    found = [p for p in folder.glob("step-*") if p.name.removeprefix("step-").isdecimal()]
    return sorted(found, key=lambda path: int(path.name.removeprefix("step-")), reverse=True)


def latest(folder: Path) -> tuple[Snapshot | None, list[str]]:
    """The newest snapshot that verifies, and what is wrong with newer ones; damaged ones stay.

    Raises:
        DataError: there are checkpoints, and none verifies.
    """
    faults: list[str] = []
    hint = "start the run again"
    for checkpoint in listed(folder):
        try:
            return read(checkpoint), faults
        except DataError as error:
            faults.append(error.message)
            hint = NEWER if error.hint == NEWER else hint
    if faults:
        raise DataError(f"{folder}: no checkpoint is intact: {'; '.join(faults[:3])}", hint=hint)
    return None, faults


def prune(folder: Path) -> None:
    """Drop all but the newest `KEPT` checkpoints that verify; damaged ones are kept aside as they are."""
    intact = 0
    for checkpoint in listed(folder):
        try:
            verify(checkpoint)
        except DataError:
            continue
        intact += 1
        if intact > KEPT:
            storage.remove(checkpoint)
