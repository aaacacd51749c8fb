"""A dataset's rows after checking: class indices, splits, fingerprint. No pixels here."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clfw.datavalues import DataValues
from clfw.errors import SHOWN, DataError, UsageError, joined, nearest, printable
from clfw.plan import canonical_json
from clfw.source import SPLITS, Source, Submission, Table
from clfw.splits import held_out
from clfw.storage import cache_folder, write_atomically


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """A checked table.

    Attributes:
        classes: names of the K classes in the order of the targets.
        targets: (N,) int64 class indices; -1 where a row has no label.
        split: (N,) uint8 indices into `clfw.source.SPLITS`.
    """

    table: Table
    classes: tuple[str, ...]
    class_values: tuple[str, ...]
    targets: NDArray[np.int64]
    split: NDArray[np.uint8]

    def of(self, split: str) -> NDArray[np.int64]:
        """Row numbers of a split, in table order."""
        return np.flatnonzero(self.split == SPLITS.index(split))

    def labelled(self, split: str) -> bool:
        """Whether the split has rows and each has a label."""
        rows = self.of(split)
        return bool(len(rows)) and bool((self.targets[rows] >= 0).all())

    def counts(self) -> dict[str, int]:
        """Rows per split."""
        return {name: len(self.of(name)) for name in SPLITS}


def read_table(source: Source, reader: dict[str, Any]) -> Table:
    """The source's table, from the cache when source and reader (component, version, values) match."""
    key = hashlib.sha256(f"{source.identity()}|{canonical_json(reader)}".encode()).hexdigest()
    path = cache_folder("tables") / f"{key[:32]}.json"
    cached = _load_table(path)
    if cached is None:
        cached = source.table()
        # ASCII: `json` escapes the rest, names that are no UTF-8 too.
        columns = {field.name: getattr(cached, field.name) for field in fields(cached)}
        if cached.submission is not None:
            columns["submission"] = asdict(cached.submission)
        write_atomically(path, json.dumps(columns, separators=(",", ":")).encode())
    return cached


def _load_table(path: Path) -> Table | None:
    try:
        columns = json.loads(path.read_bytes())
        for name in ("groups", "class_names", "class_values", "strays"):
            columns[name] = tuple(columns[name])
        if columns["submission"] is not None:
            layout = columns["submission"]
            columns["submission"] = Submission(**{**layout, "keys": tuple(layout["keys"])})
        return Table(**columns)
    except (OSError, ValueError, TypeError, KeyError):  # absent or damaged: made again
        return None


def check_rows(table: Table, values: DataValues) -> Rows:
    """Splits assigned, labels turned into class indices, faults reported all at once.

    Raises:
        DataError: duplicate keys, labels that are no class.
    """
    refuse_duplicates(table)
    split = assign_splits(table, values)
    names, class_values = class_list(table)
    targets = class_indices(table, names, class_values)
    return Rows(table=table, classes=names, class_values=class_values, targets=targets, split=split)


def with_classes(rows: Rows, classes: tuple[str, ...], numbers: NDArray[np.int64]) -> Rows:
    """`rows` with targets that index `classes`, matched by name: the order of finished weights.

    Raises:
        DataError: a row among `numbers` is of a class that `classes` lacks.
    """
    index = {name: i for i, name in enumerate(classes)}
    mapping = np.array([index.get(name, -2) for name in rows.classes] + [-1], dtype=np.int64)
    targets = mapping[rows.targets]
    foreign = np.flatnonzero(targets[numbers] == -2)
    if len(foreign):
        row = int(numbers[foreign[0]])
        name = printable(rows.classes[rows.targets[row]], 30)
        raise DataError(
            f"{rows.table.places[row]}: class '{name}' is none that the weights know",
            hint=f"they know: {', '.join(printable(c, 30) for c in classes[:12])}",
        )
    return replace(rows, classes=classes, targets=targets)


def refuse_duplicates(table: Table) -> None:
    """Raise when a key stands twice in one split."""
    seen: dict[tuple[str, str], int] = {}
    faults = []
    for row, pair in enumerate(zip(table.splits, table.keys, strict=True)):
        first = seen.setdefault(pair, row)
        if first != row:
            place, earlier = table.places[row], table.places[first]
            faults.append(f"{place}: '{printable(pair[1])}' stands already at {earlier}")
    if faults:
        raise DataError(joined("duplicate ids", faults), hint="keep one row for each id")


def assign_splits(table: Table, values: DataValues) -> NDArray[np.uint8]:
    """The table's splits; where it has no validation rows, a share of the training rows."""
    index = {name: i for i, name in enumerate(SPLITS)}
    split = np.fromiter((index[s] for s in table.splits), np.uint8, len(table.splits))
    if values.validation and not (split == index["validation"]).any():
        train = np.flatnonzero(split == index["train"])
        names = table.groups or table.keys
        out = held_out([names[row] for row in train.tolist()], values.validation, values.split_seed)
        split[train[np.array(out, dtype=bool)]] = index["validation"]
    return split


def class_list(table: Table) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Class names and the label text of each: as the data declares, else its training labels.

    Rows held out of the training rows count, so that no choice of them changes the classes.
    """
    if table.class_names:
        return table.class_names, table.class_values or table.class_names
    pairs = zip(table.splits, table.labels, strict=True)
    labels = {label for split, label in pairs if split == "train" and label is not None}
    names = tuple(sorted(labels, key=natural_key))
    return names, names


def natural_key(text: str) -> tuple[list[tuple[int, int, str]], str]:
    """Sorts "2" before "10" and "img2" before "img10"; equal numbers by their text."""
    parts = []
    for part in re.split(r"(\d+)", text):
        digits = part.lstrip("0")  # compared by length first: `int` refuses thousands of digits
        if part:
            parts.append((0, len(digits), digits) if part.isdecimal() else (1, 0, part))
    return parts, text


def class_indices(table: Table, names: Sequence[str], values: Sequence[str]) -> NDArray[np.int64]:
    """(N,) int64; a label may be written as the class's value or as its name."""
    index = {name: i for i, name in enumerate(names)} | {v: i for i, v in enumerate(values)}
    targets = np.full(len(table.keys), -1, dtype=np.int64)
    faults = []
    for row, label in enumerate(table.labels):
        if label is None:
            continue
        found = index.get(label)
        if found is None:
            faults.append(
                f"{table.places[row]}: label '{printable(label)}' is not one of the "
                f"{len(names)} classes"
            )
        else:
            targets[row] = found
    if faults:
        shown = ", ".join(printable(v, 30) for v in values[:12])
        raise DataError(
            joined("labels that are no class", faults), hint=f"the classes are: {shown}"
        )
    return targets


def refuse_untrainable(rows: Rows) -> None:
    """Raise `DataError` for what training cannot use.

    No training rows, training rows without a label, one class, a class without a training row.
    """
    train = rows.of("train")
    if not len(train):
        raise DataError("the training split is empty", hint="lower data.validation or add rows")
    for name in ("train", "validation"):
        bare = [row for row in rows.of(name) if rows.targets[row] < 0]
        if bare:
            faults = [f"{rows.table.places[row]}: no label" for row in bare]
            raise DataError(joined(f"rows of the {name} split without a label", faults))
    if len(rows.classes) < 2:
        raise DataError(f"only one class, '{printable(rows.classes[0])}': nothing to tell apart")
    present = Counter(rows.targets[train].tolist())
    absent = [name for i, name in enumerate(rows.classes) if i not in present]
    if absent:
        raise DataError(
            f"classes without a training row: {', '.join(printable(n, 30) for n in absent[:SHOWN])}",
            hint="lower data.validation, or leave the class out",
        )


def fingerprint(rows: Rows, pixels: str) -> str:
    """Hash of what is learned from: names, splits, targets, classes, and the decoded pixels' hash."""
    digest = hashlib.sha256(pixels.encode())
    digest.update(canonical_json([list(rows.classes), list(rows.table.keys)]).encode())
    digest.update(rows.targets.tobytes())
    digest.update(rows.split.tobytes())
    return digest.hexdigest()


def require_split(rows: Rows, split: str) -> None:
    """Raise unless the split has rows."""
    if split not in SPLITS:
        raise UsageError(f"no split named '{printable(split)}'", hint=nearest(split, SPLITS))
    if not len(rows.of(split)):
        there = ", ".join(name for name, count in rows.counts().items() if count)
        raise DataError(f"the {split} split is empty", hint=f"splits with rows: {there}")
