"""Reads pictures written out in CSV files: which columns are pixels, and what shape they have."""

import math
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from clfw import DataError
from clfw.api import (
    ArraySource,
    Content,
    FileTree,
    Part,
    SingleFileTree,
    as_utf8,
    bullet_list,
    did_you_mean,
    escape,
    open_tree,
    submission_layout,
)
from clfw_plugins.pixel_csv.params import PixelCsvParams
from clfw_plugins.pixel_csv.parsing import Layout, read_header, read_rows

NUMBERED = re.compile(r"(.*?)([0-9]{1,9})")


def open_pixel_csv(params: PixelCsvParams, path: Path) -> ArraySource:
    """The source at `path`: a folder or zip with the files, or the CSV file of training pictures."""
    tree: FileTree
    if path.is_file() and path.suffix.lower() in (".csv", ".tsv"):
        tree = SingleFileTree(path)
        alone = {"train_csv": path.name, "test_csv": "", "submission_csv": ""}
        params = params.model_copy(update=alone)
    else:
        tree = open_tree(path)
    return ArraySource(tree, params, lambda: read_content(tree, params))


@dataclass(frozen=True, kw_only=True, slots=True)
class Columns:
    """Numbers of the columns; None for a column that is not there.

    Attributes:
        pixels: in the order of the pixels.
        numbered: whether their names say that order.
    """

    label: int | None
    id: int | None
    pixels: list[int]
    numbered: bool


def read_content(tree: FileTree, params: PixelCsvParams) -> Content:
    """The training file, the test file and the submission, as far as they are there."""
    present = set(tree.names())
    if params.train_csv not in present:
        lists = [name for name in present if name.endswith((".csv", ".tsv"))]
        raise DataError(
            f"{tree.label}: no file '{escape(params.train_csv)}'",
            hint=did_you_mean(params.train_csv, lists, "name it with --set data.train_csv=FILE"),
        )
    train = read_part(tree, "train", params.train_csv, params, None)
    parts = [train.part]
    files = [params.train_csv]
    submission = None
    if params.test_csv in present:
        parts.append(read_part(tree, "test", params.test_csv, params, train).part)
        files.append(params.test_csv)
        if params.submission_csv in present:
            name = params.submission_csv
            keys = set(parts[1].keys)
            submission = submission_layout(tree.read(name), name, keys, params.test_csv)
            files.append(params.submission_csv)
    return Content(
        parts=parts,
        files=frozenset(files),
        submission=submission,
        key_column=params.id,
        label_column=params.label,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class PartFile:
    """A file that was read, and the names of its pixel columns in the order of the pixels.

    Attributes:
        numbered: whether these names say that order.
    """

    part: Part
    pixels: list[str]
    numbered: bool


def read_part(
    tree: FileTree, split: str, name: str, params: PixelCsvParams, like: PartFile | None
) -> PartFile:
    """One file; `like` is the one whose pixels it must have."""
    data = as_utf8(tree.read(name), name)
    header = read_header(data, name)
    where = f"{name}:{header.line}"
    columns = find_columns(header.columns, params, where, need_label=split == "train")
    shape = picture_shape(len(columns.pixels), params, where)
    pixels = columns.pixels
    if like is not None:
        pixels = pixels_like(like, columns, header.columns, where, params.train_csv)
    wanted = [number for number in (columns.label, columns.id) if number is not None]
    rows = read_rows(data, Layout(name=name, header=header, pixels=pixels, texts=wanted))
    texts = dict(zip(wanted, rows.texts, strict=True))
    for number, values in texts.items():
        what = "label" if number == columns.label else "id"
        empty = [line for line, text in zip(rows.lines, values, strict=True) if not text]
        if empty:
            column = escape(header.columns[number], 40)
            faults = [f"{name}:{line} (column {column}): the {what} is empty" for line in empty]
            raise DataError(
                bullet_list(f"rows without {what}", faults), hint="fill in or remove them"
            )
    part = Part(
        split=split,
        images=rows.pixels.reshape(-1, *shape),
        labels=None if columns.label is None else texts[columns.label],
        keys=[str(n) for n in range(1, len(rows.lines) + 1)]
        if columns.id is None
        else texts[columns.id],
        locations=[f"{name}:{line}" for line in rows.lines],
    )
    names = [header.columns[number] for number in pixels]
    return PartFile(part=part, pixels=names, numbered=columns.numbered)


def pixels_like(
    like: PartFile, found: Columns, columns: list[str], where: str, train: str
) -> list[int]:
    """The pixel columns in the order of the training file's: by their names, or by their numbers."""
    numbers = {columns[number]: number for number in found.pixels}
    if len(numbers) != len(like.pixels):
        raise DataError(
            f"{where}: {len(numbers)} pixel columns, and {train} has {len(like.pixels)}"
        )
    absent = [name for name in like.pixels if name not in numbers]
    if not absent:
        return [numbers[name] for name in like.pixels]
    if not (found.numbered and like.numbered):
        raise DataError(
            f"{where}: no column '{escape(absent[0], 40)}' among the pixels, and {train} has it",
            hint="give the pixel columns the same names in both files",
        )
    return found.pixels


def find_columns(
    columns: list[str], params: PixelCsvParams, where: str, need_label: bool
) -> Columns:
    """Which column is the label, which the id; all others are pixels."""
    shown = ", ".join(escape(column, 30) for column in columns[:6])
    for key, name in (("label", params.label), ("id", params.id)):
        if name and name not in columns and (need_label or key == "id"):
            raise DataError(
                f"{where}: no column '{escape(name)}'; the columns are {shown} and so on",
                hint=did_you_mean(name, columns, f"name the column with --set data.{key}=COLUMN"),
            )
    special = {name: columns.index(name) for name in (params.label, params.id) if name in columns}
    pixels = [number for number in range(len(columns)) if number not in special.values()]
    ordered = in_pixel_order(pixels, columns, where)
    return Columns(
        label=special.get(params.label),
        id=special.get(params.id),
        pixels=pixels if ordered is None else ordered,
        numbered=ordered is not None,
    )


def in_pixel_order(pixels: list[int], columns: list[str], where: str) -> list[int] | None:
    """`pixels` by the numbers in their names (pixel0, pixel1, ...); None where names say no order.

    Raises:
        DataError: a column among numbered ones that is none of them, or a number left out.
    """
    matches = {number: NUMBERED.fullmatch(columns[number]) for number in pixels}
    stems = Counter(match[1] for match in matches.values() if match)
    stem, count = stems.most_common(1)[0] if stems else ("", 0)
    if count <= len(pixels) / 2:
        return None
    numbers: dict[int, int] = {}
    for number, match in matches.items():
        if match is None or match[1] != stem:
            raise DataError(
                f"{where}: column '{escape(columns[number])}' is neither the label nor a pixel",
                hint="name it with --set data.label=COLUMN or data.id=COLUMN, or remove it",
            )
        numbers[int(match[2])] = number
    first = min(numbers)
    absent = next((n for n in range(first, first + len(pixels)) if n not in numbers), None)
    if absent is not None:
        raise DataError(f"{where}: no column '{escape(stem)}{absent}' among the pixels")
    return [numbers[n] for n in sorted(numbers)]


def picture_shape(count: int, params: PixelCsvParams, where: str) -> tuple[int, ...]:
    """(H, W), or (H, W, 3), of pictures of `count` values."""
    channels, height, width = params.pixel_channels, params.height, params.width
    spots = count // channels
    if height is None and width is None:
        height = width = math.isqrt(spots)
    elif height is None and width is not None:
        height = spots // width
    elif width is None and height is not None:
        width = spots // height
    assert height is not None and width is not None
    if not count or height * width * channels != count:
        given = params.height is not None or params.width is not None
        why = f"{height}x{width}x{channels} needs {height * width * channels}"
        raise DataError(
            f"{where}: {count} pixel columns"
            f"{', and ' + why if given else f' are no square of {channels} values a pixel'}",
            hint="give the size with --set data.height=ROWS and --set data.width=COLUMNS",
        )
    return (height, width) if channels == 1 else (height, width, channels)
