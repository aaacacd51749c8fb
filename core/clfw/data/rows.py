"""A dataset's rows after checking: class indices, splits, fingerprint. No pixels here."""

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clfw.api.source import SPLITS, Source, Submission, Table
from clfw.api.task import UNLABELED
from clfw.config.data_params import DataParams
from clfw.data.split_assignment import assign_splits
from clfw.errors import DataError, UsageError
from clfw.io.json_text import canonical_json
from clfw.io.storage import cache_folder, touch, write_atomically
from clfw.text import MAX_LISTED, bullet_list, did_you_mean, escape, group_faults, plural

LEFT_OUT = 255  # the split of rows that are in none
UNKNOWN = -2  # target of a label that is no known class
MAX_NAMED = 12  # classes named one by one in a message


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """A checked table.

    Attributes:
        classes: names of the K classes in the order of the targets.
        targets: (N,) int64 class indices; UNLABELED where a row has no label.
        split: (N,) uint8 indices into `clfw.api.source.SPLITS`; LEFT_OUT for a row of no split.
        left_out: the rows that the user excludes, each with the reason.
        bad: the rows left out because their picture does not decode, each with the fault.
    """

    table: Table
    classes: tuple[str, ...]
    class_values: tuple[str, ...]
    targets: NDArray[np.int64]
    split: NDArray[np.uint8]
    left_out: Mapping[int, str] = field(default_factory=dict)
    bad: Mapping[int, str] = field(default_factory=dict)

    def of(self, split: str) -> NDArray[np.int64]:
        """Row numbers of a split, in table order."""
        return np.flatnonzero(self.split == SPLITS.index(split))

    def labeled(self, split: str) -> bool:
        """Whether the split has rows and each has a label."""
        rows = self.of(split)
        return bool(len(rows)) and bool((self.targets[rows] >= 0).all())

    def counts(self) -> dict[str, int]:
        """Rows per split."""
        return {name: len(self.of(name)) for name in SPLITS}


def read_table(source: Source, reader: dict[str, Any], name: str = "") -> Table:
    """The source's table, from the cache when source and reader (component, version, values) match.

    `name` is the data's, shown by `clfw cache`.
    """
    key = hashlib.sha256(f"{source.identity()}|{canonical_json(reader)}".encode()).hexdigest()
    path = cache_folder("tables") / f"{key[:32]}.json"
    cached = _load_table(path)
    if cached is not None:
        touch(path)
    else:
        cached = source.table()
        if cached.empty_classes:  # an empty folder may come and go without changing the identity
            return cached
        # ASCII: `json` escapes the rest, even names that are not UTF-8.
        columns: dict[str, Any] = {"data": name}  # first, where `clfw.data.caches` looks
        columns |= plain_columns(cached)
        write_atomically(path, json.dumps(columns, separators=(",", ":")).encode())
    return cached


def plain_columns(table: Table) -> dict[str, Any]:
    """Everything in a table by name, as JSON has it: lists in place of arrays."""
    columns = {field.name: getattr(table, field.name) for field in fields(table)}
    if table.submission is not None:
        columns["submission"] = asdict(table.submission)
    arrays = {name: c.tolist() for name, c in columns.items() if isinstance(c, np.ndarray)}
    return columns | arrays


def _load_table(path: Path) -> Table | None:
    try:
        columns = json.loads(path.read_bytes())
        columns.pop("data")
        for name in (
            "groups",
            "class_names",
            "class_values",
            "unused_files",
            "empty_classes",
            "warnings",
        ):
            columns[name] = tuple(columns[name])
        if columns["submission"] is not None:
            layout = columns["submission"]
            columns["submission"] = Submission(**{**layout, "keys": tuple(layout["keys"])})
        return Table(**columns)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):  # absent or damaged
        return None


def check_rows(
    table: Table,
    values: DataParams,
    left_out: Mapping[int, str] | None = None,
    trained_elsewhere: bool = False,
) -> Rows:
    """Splits assigned, labels turned into class indices, faults reported all at once.

    A row of `left_out` is in no split, and its label, which may be the reason, makes no class. Rows
    for weights `trained_elsewhere` may have labels without a training row.

    Raises:
        DataError: duplicate keys, unknown labels.
    """
    left_out = left_out or {}
    refuse_duplicates(table)
    split = assign_splits(table, values, left_out)
    split[list(left_out)] = LEFT_OUT
    names, class_values = class_list(table, left_out, SPLITS if trained_elsewhere else ("train",))
    targets = class_indices(table, names, class_values, left_out)
    return Rows(
        table=table,
        classes=names,
        class_values=class_values,
        targets=targets,
        split=split,
        left_out=left_out,
    )


def with_classes(rows: Rows, classes: tuple[str, ...], numbers: NDArray[np.int64]) -> Rows:
    """`rows` with targets that index `classes`, the order of finished weights; matched by name.

    Raises:
        DataError: a row among `numbers` is of a class that `classes` lacks.
    """
    index = {name: i for i, name in enumerate(classes)}
    mapping = np.array(
        [index.get(name, UNKNOWN) for name in rows.classes] + [UNLABELED], dtype=np.int64
    )
    targets = mapping[rows.targets]
    unknown = numbers[targets[numbers] == UNKNOWN].tolist()
    if unknown:
        counts = Counter(rows.classes[k] for k in rows.targets[unknown].tolist())
        which = [f"'{escape(c, 30)}' ({n:,})" for c, n in counts.most_common(MAX_NAMED)]
        more = f" and {len(counts) - MAX_NAMED} more" if len(counts) > MAX_NAMED else ""
        raise DataError(
            f"{plural(len(unknown), 'row')} of classes that the weights do not know: "
            f"{', '.join(which)}{more}; the first is {label_place(rows.table, unknown[0])}",
            hint=f"they know: {', '.join(escape(c, 30) for c in classes[:MAX_NAMED])}",
        )
    return replace(rows, classes=classes, targets=targets)


def label_place(table: Table, row: int) -> str:
    """Where a row's label is, as in "train.csv:12 (column label)"."""
    column = f" (column {escape(table.label_column, 40)})" if table.label_column else ""
    return f"{table.locations[row]}{column}"


def refuse_duplicates(table: Table) -> None:
    """Raise if a key appears twice in one split."""
    different: dict[str, set[str]] = defaultdict(set)
    for split, key in zip(table.splits, table.keys, strict=True):
        different[split].add(key)
    if sum(map(len, different.values())) == len(table.keys):
        return  # three times as fast as looking up the earlier row of each
    seen: dict[tuple[str, str], int] = {}
    faults = []
    column = f" (column {escape(table.key_column, 40)})" if table.key_column else ""
    for row, pair in enumerate(zip(table.splits, table.keys, strict=True)):
        first = seen.setdefault(pair, row)
        if first != row:
            place, earlier = table.locations[row], table.locations[first]
            faults.append(f"{place}{column}: '{escape(pair[1])}' already appears at {earlier}")
    if faults:
        raise DataError(bullet_list("duplicate ids", faults), hint="keep one row for each id")


def class_list(
    table: Table, left_out: Mapping[int, str], splits: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Class names and the label text of each: as the data declares, else the labels of `splits`.

    Held-out training rows count too, so that the choice of them never changes the classes.
    """
    if table.class_names:
        return table.class_names, table.class_values or table.class_names
    pairs = enumerate(zip(table.splits, table.labels, strict=True))
    labels = {
        label
        for row, (split, label) in pairs
        if split in splits and label is not None and row not in left_out
    }
    names = tuple(sorted(map(str, labels), key=natural_key))  # an array's texts are of its own kind
    refuse_surrogates(names)
    return names, names


def refuse_surrogates(names: Sequence[str]) -> None:
    """Raise for a class name with a lone surrogate, as a folder may have; no file could record it."""
    for name in names:
        if any("\ud800" <= character <= "\udfff" for character in name):
            raise DataError(
                f"class '{escape(name, 60)}': the name is not valid Unicode text",
                hint="rename the folder or the label",
            )


def natural_key(text: str) -> tuple[list[tuple[int, int, str]], str]:
    """Sort key that puts "2" before "10" and "img2" before "img10"; ties by text."""
    parts = []
    for part in re.split(r"(\d+)", text):
        digits = part.lstrip("0")  # by length first: `int` refuses thousands of digits
        if part:
            parts.append((0, len(digits), digits) if part.isdecimal() else (1, 0, part))
    return parts, text


def class_indices(
    table: Table, names: Sequence[str], values: Sequence[str], left_out: Mapping[int, str]
) -> NDArray[np.int64]:
    """(N,) int64; a label may be written as the class's value or as its name."""
    index: dict[str | None, int] = {None: UNLABELED}
    for texts in (names, values):
        index.update(zip(texts, range(len(texts)), strict=True))
    targets = np.array([index.get(label, UNKNOWN) for label in table.labels], dtype=np.int64)
    targets[list(left_out)] = UNLABELED
    faults = []
    for row in np.flatnonzero(targets == UNKNOWN).tolist():
        text = f"label '{escape(str(table.labels[row]))}' is not one of the {len(names)} classes"
        faults.append((label_place(table, row), text))
    if faults:
        shown = ", ".join(escape(v, 30) for v in values[:12])
        training = "" if table.class_names else "; a class needs training rows"
        raise DataError(
            bullet_list("unknown labels", group_faults(faults)),
            hint=f"the classes are: {shown}{training}",
        )
    return targets


def refuse_untrainable(rows: Rows) -> None:
    """Raise `DataError` for what training cannot use.

    A class folder without a picture, no training rows, training rows without a label, one class, a
    class without a training row.
    """
    if rows.table.empty_classes:
        raise DataError(
            bullet_list("class folders without pictures", rows.table.empty_classes),
            hint="add pictures or remove the folders, "
            "or name the classes with --set data.class_names",
        )
    train = rows.of("train")
    if not len(train):
        raise DataError("the training split is empty", hint="lower data.validation or add rows")
    for name in ("train", "validation"):
        unlabeled = [row for row in rows.of(name) if rows.targets[row] < 0]
        if unlabeled:
            faults = [f"{label_place(rows.table, row)}: no label" for row in unlabeled]
            raise DataError(
                bullet_list(f"rows of the {name} split without a label", faults),
                hint="fill in the labels or remove the rows",
            )
    if len(rows.classes) < 2:
        raise DataError(
            f"only one class, '{escape(rows.classes[0])}': nothing to classify",
            hint="add pictures of another class",
        )
    present = Counter(rows.targets[train].tolist())
    absent = {name: i for i, name in enumerate(rows.classes) if i not in present}
    if absent:
        orphans = [
            row for i in absent.values() for row in np.flatnonzero(rows.targets == i).tolist()
        ]
        faults = [
            f"{label_place(rows.table, row)}: '{escape(rows.classes[rows.targets[row]], 30)}' is "
            f"in the {SPLITS[rows.split[row]]} split"
            for row in orphans
        ]
        names = ", ".join(escape(name, 30) for name in [*absent][:MAX_LISTED])
        more = [f"and {len(faults) - MAX_LISTED} more"] if len(faults) > MAX_LISTED else []
        raise DataError(
            "\n  ".join([f"classes without a training row: {names}", *faults[:MAX_LISTED], *more]),
            hint="lower data.validation, add rows, or leave the class out",
        )


def fingerprint(rows: Rows, pixels: str) -> str:
    """Hash of what training sees: keys, splits, targets, classes, and `pixels`, the pixels' hash."""
    digest = hashlib.sha256(pixels.encode())
    digest.update(canonical_json([list(rows.classes), list(rows.table.keys)]).encode())
    digest.update(rows.targets.tobytes())
    digest.update(rows.split.tobytes())
    return digest.hexdigest()


def require_split(rows: Rows, split: str) -> None:
    """Raise unless the split exists and has rows."""
    if split not in SPLITS:
        raise UsageError(f"no split named '{escape(split)}'", hint=did_you_mean(split, SPLITS))
    if not len(rows.of(split)):
        present = ", ".join(name for name, count in rows.counts().items() if count)
        raise DataError(f"the {split} split is empty", hint=f"splits with rows: {present}")
