"""Whether files are lists with a column a pixel. Reads the first lines alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clfw import DataError, Detected
from clfw.api import FileTree, escape, is_list, read_head, wrapping_folder
from clfw_plugins.pixel_csv.params import PixelCsvParams

FEWEST_PIXELS = 16
MOST_OTHERS = 2  # columns that are no pixel: a label and an id
LABELS = ("label", "class", "y", "target", "digit", "category", "emotion")
IDS = ("id", "imageid", "image_id", "index")


def detect_pixels(path: Path, tree: FileTree, given: Mapping[str, Any]) -> Detected | None:
    """A list whose columns are whole numbers from 0 to 255, but for a label and an id."""
    names = tree.names()
    lists = [name for name in names if is_list(name) and name.count("/") < 2]
    root = wrapping_folder(names) if any("/" in name for name in lists) else ""
    lists = [name for name in lists if "/" not in name.removeprefix(root)]
    wide = {n.removeprefix(root): h for n in lists if (h := pixel_columns(tree, n)) is not None}
    if not wide:
        return None
    train = training_list(wide, given, tree.label)
    values: dict[str, str] = {} if train == "train.csv" or path.is_file() else {"train_csv": train}
    columns, others = wide[train]
    if all(column.isdecimal() for column in columns):  # the reader asks for a line of columns
        return Detected(values=values, seen=f"numbers in {escape(train, 40)}")
    if "label" not in given:
        label = label_among(columns, others, f"{tree.label}/{train}")
        if label != PixelCsvParams.model_fields["label"].default:
            values["label"] = label
    else:
        label = str(given["label"])
    rest = [name for name in others if name != label]
    if "id" not in given and rest:
        values["id"] = rest[0]
    pixels = len(columns) - len({label, *rest, str(given.get("id", ""))} & set(columns))
    return Detected(
        values=values,
        seen=f"a column a pixel in {escape(train, 40)} ({pixels:,} pixels, "
        f"label in column '{escape(label, 40)}')",
    )


def pixel_columns(tree: FileTree, name: str) -> tuple[list[str], list[str]] | None:
    """A list's columns, and those among them that hold no pixel; None for a list of other kind."""
    rows = read_head(tree, name, 3)
    if len(rows) < 2 or len(rows[0]) < FEWEST_PIXELS or len(rows[1]) != len(rows[0]):
        return None
    columns, first = rows[0], rows[1]
    others = [
        column
        for column, text in zip(columns, first, strict=True)
        if not (text.isdecimal() and int(text[:9]) <= 255) or column.lower() in (*LABELS, *IDS)
    ]
    return (columns, others) if len(others) <= MOST_OTHERS else None


def training_list(wide: Mapping[str, object], given: Mapping[str, Any], where: str) -> str:
    """The list to train on: the one given, train.csv, or the only one that is not for testing."""
    if given.get("train_csv") in wide:
        return str(given["train_csv"])
    if "train.csv" in wide:
        return "train.csv"
    others = [name for name in wide if "test" not in name.lower()] or list(wide)
    if len(others) > 1:
        listed = ", ".join(f"'{escape(name, 40)}'" for name in others[:12])
        raise DataError(
            f"{where}: which list is to be trained on: {listed}?",
            hint="name it with --set data.train_csv=FILE",
        )
    return others[0]


def label_among(columns: list[str], others: list[str], where: str) -> str:
    """The column of labels: a usual name, else the only column that is no pixel and no id."""
    usual = [column for column in others if column.lower() in LABELS]
    rest = usual or [column for column in others if column.lower() not in IDS]
    if len(rest) != 1:
        shown = ", ".join(escape(column, 30) for column in [*columns[:4], "...", columns[-1]])
        raise DataError(
            f"{where}:1: which column is the label? the columns are {shown}",
            hint="name it with --set data.label=COLUMN",
        )
    return rest[0]
