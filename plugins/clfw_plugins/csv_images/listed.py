"""The rows of one list: keys, labels, splits and groups, with every fault named by its place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from clfw import DataError
from clfw.api import CsvRow, FileTree, bullet_list, decoded, delimiter_of, escape, read_csv, records
from clfw_plugins.csv_images.finding import Pictures
from clfw_plugins.csv_images.params import SPLIT_WORDS, CsvImagesParams

USUAL_SPLIT = "split"
NO_PATH = "is no id or relative path"


@dataclass(frozen=True, kw_only=True, slots=True)
class Columns:
    """Which column says what; empty for a column that is not used."""

    image: str
    label: str
    split: str
    group: str


class Listed(NamedTuple):
    """One row.

    Attributes:
        folders: where its picture is looked for, before the place that the key itself says.
        padded: the label was written with blanks around it.
    """

    key: str
    label: str | None
    split: str
    group: str
    folders: tuple[str, ...]
    place: str
    column: str
    padded: bool


class RowFault(Exception):
    """What is wrong with one row."""


def read_list(
    tree: FileTree,
    pictures: Pictures,
    name: str,
    split: str,
    params: CsvImagesParams,
    anywhere: bool,
) -> list[Listed]:
    """The rows of the list `name`, which stands for `split` unless a column says otherwise.

    Args:
        anywhere: paths may be absolute and lead out of the list's folder.
    """
    rows = read_csv(tree.read(name), name)
    if not rows:
        raise DataError(f"{name}:1: a header and no rows")
    columns = find_columns(tree, list(rows[0].values), name, split, params)
    folders = {
        own: tuple(dict.fromkeys((params.folders[own], params.folders[split])))
        for own in SPLIT_WORDS.values()
    }
    listed, faults = [], []
    for row in rows:
        try:
            listed.append(read_row(row, columns, name, split, folders, anywhere))
        except RowFault as fault:
            faults.append(str(fault))
    outside = any(fault.endswith(NO_PATH) for fault in faults)
    if faults:
        raise DataError(
            bullet_list("rows that cannot be used", faults),
            hint="fill in the values or remove the rows"
            + ("; a list that is named itself, --data LIST, may lead anywhere" if outside else ""),
        )
    if any(pictures.of(column, listed[0].folders) for column in rows[0].values):
        raise DataError(
            f"{name}:{header_line(tree, name)} (column {columns.image}): the first line is "
            "itself a row",
            hint="add a line of columns above it, as path,label",
        )
    return listed


def find_columns(
    tree: FileTree, columns: Sequence[str], name: str, split: str, params: CsvImagesParams
) -> Columns:
    """The columns that the parameters name; a test list may lack labels, and splits are of the first."""
    usual = USUAL_SPLIT if params.split is None and USUAL_SPLIT in columns else ""
    found = Columns(
        image=params.image or columns[0],
        label=params.label if split != "test" or params.label in columns else "",
        split=(params.split or usual) if split == "train" else "",
        group=params.group,
    )
    for key in ("image", "label", "split", "group"):
        column = getattr(found, key)
        if column and column not in columns:
            raise DataError(
                f"{name}:{header_line(tree, name)}: no column '{escape(column)}'; the columns are "
                f"{', '.join(escape(c, 30) for c in columns[:12])}",
                hint=f"name the column with --set data.{key}=COLUMN",
            )
    return found


def header_line(tree: FileTree, name: str) -> int:
    """The line of the names of the columns."""
    text = decoded(tree.read(name), name)
    return next(line for line, _ in records(text, delimiter_of(text), name))


def read_row(
    row: CsvRow,
    columns: Columns,
    name: str,
    split: str,
    folders: Mapping[str, tuple[str, ...]],
    anywhere: bool,
) -> Listed:
    """One row; raises `RowFault`."""
    place = f"{name}:{row.line}"
    key, label = row.values[columns.image], row.values.get(columns.label)
    word = row.values[columns.split] if columns.split else split
    if word.lower() not in SPLIT_WORDS:
        raise fault(place, columns.split, f"'{escape(word, 40)}' is not train, val or test")
    own = SPLIT_WORDS[word.lower()]
    if label == "":
        if not (columns.split and own == "test"):
            raise fault(place, columns.label, "the label is empty")
        label = None
    if not key or not (anywhere or is_inside(key)):
        raise fault(place, columns.image, f"'{escape(key)}' {NO_PATH}")
    group = row.values[columns.group] if columns.group else ""
    if columns.group and not group:
        raise fault(place, columns.group, "the group is empty")
    return Listed(
        key=key,
        label=label,
        split=own,
        group=group,
        folders=folders[own],
        place=place,
        column=columns.image,
        padded=columns.label in row.padded,
    )


def is_inside(key: str) -> bool:
    """Whether a path stays below the folder of its list."""
    return ".." not in key.replace("\\", "/").split("/") and not key.startswith(("/", "\\"))


def fault(place: str, column: str, what: str) -> RowFault:
    """What is wrong in one column of one row."""
    return RowFault(f"{place} (column {escape(column, 40)}): {what}")
