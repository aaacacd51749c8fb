"""Whether files are a list of pictures, and which column says what. Reads the first lines alone."""

import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clfw import DataError, Detected
from clfw.api import (
    FileTree,
    checked_columns,
    escape,
    is_list,
    is_picture,
    read_csv,
    read_head,
    wrapping_folder,
)
from clfw_plugins.csv_images.finding import Pictures, places
from clfw_plugins.csv_images.listed import USUAL_SPLIT
from clfw_plugins.csv_images.listed_files import Folders, entries
from clfw_plugins.csv_images.params import SPLIT_WORDS, CsvImagesParams

LOOKED_AT = 20  # rows
SHOWN = 6  # columns that are named as not used
MOST_COLUMNS = 64  # a list with more has a column a pixel, or features
MOST_FOLDERS = 50
LABELS = (
    "label", "labels", "class", "class_name", "classname", "category", "target", "kind", "species",
    "breed", "diagnosis", "type", "tag", "y",
)  # fmt: skip
GROUPS = ("patient", "subject", "site", "group", "video")
SPLITS = ("split", "set", "subset", "partition", "usage")
LISTS = {
    "train_csv": ("train", "training", "train_labels", "trainlabels", "labels", "list"),
    "validation_csv": ("validation", "valid", "val"),
    "test_csv": ("test", "testing"),
    "submission_csv": ("sample_submission", "samplesubmission", "submission"),
}
Given = Mapping[str, Any]
Find = Callable[[str, str], Sequence[str]]  # the files of a key, looked for in a folder first


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """The beginning of a list, and how its pictures are found."""

    where: str
    rows: Sequence[Sequence[str]]
    folders: Sequence[str]
    find: Find

    @property
    def columns(self) -> Sequence[str]:
        return self.rows[0]

    def column(self, name: str) -> list[str]:
        """The values of a column, as far as they were looked at."""
        number = self.columns.index(name)
        return [row[number] for row in self.rows[1:] if len(row) > number and row[number]]


def detect_lists(path: Path, tree: FileTree, given: Given) -> Detected | None:
    """A list with a column whose values are pictures that are there."""
    if path.is_file() and tree.names() == [path.name]:
        return detect_lone_list(path, tree, given) if is_list(path.name) else None
    root = wrapping_folder(tree.names())
    names = [name.removeprefix(root) for name in tree.names()]
    pictures = Pictures(names)
    folders = folders_of(n.rpartition("/")[0] for n in names if is_picture(n))
    heads = {
        name: Head(
            where=name, rows=rows, folders=folders, find=lambda key, f: pictures.of(key, (f,))
        )
        for name in names
        if is_list(name)
        and "/" not in name
        and fits(rows := read_head(tree, root + name, LOOKED_AT))
    }
    train = training_list(heads, given, tree.label)
    if train is None:
        return None
    values = {"train_csv": train, **other_lists(heads, train, names)}
    return described(heads[train], given, values, f", {sum(map(is_picture, names)):,} pictures")


def detect_lone_list(path: Path, tree: FileTree, given: Given) -> Detected | None:
    """A list by itself, whose pictures may be anywhere."""
    rows = read_head(tree, path.name, LOOKED_AT)
    if len(rows) < 2:
        read_csv(path.read_bytes(), path.name)  # names what is wrong in the first lines
        raise DataError(f"{path.name}: holds no rows below a line of columns")
    if len(rows[0]) > MOST_COLUMNS:
        return None
    checked_columns(rows[0], path.name, 1)
    root = str(given.get("root", ""))
    base = path.parent / Path(root).expanduser()
    below = sorted(entry.name for entry in entries(base) if entry.is_dir())
    folders = Folders(base)

    def find(key: str, folder: str) -> Sequence[str]:
        names = (name for place in places(key, (folder,)) for name in folders.named(place))
        return Pictures(names).of(key, (folder,))

    head = Head(where=path.name, rows=rows, folders=folders_of(below), find=find)
    if not picture_columns(head, given):
        named = next((value for row in rows[1:] for value in row if is_picture(value)), None)
        if named is None:
            return None
        raise DataError(
            f"{path.name}: no column names pictures that are there: '{escape(named, 60)}' is not "
            f"in {escape(str(base))}",
            hint="name the folder of the pictures with --set data.root=FOLDER",
        )
    return described(head, given, {}, "")


def fits(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the beginning of a list has rows, and columns few enough to be names and labels."""
    return len(rows) > 1 and len(rows[0]) <= MOST_COLUMNS and len(set(rows[0])) == len(rows[0])


def folders_of(names: Iterable[str]) -> list[str]:
    """Folders that may hold the training pictures, the usual ones first."""
    usual = CsvImagesParams.model_fields["train_folder"].default
    return list(dict.fromkeys([usual, *sorted(set(names))]))[:MOST_FOLDERS]


def training_list(heads: Mapping[str, Head], given: Given, where: str) -> str | None:
    """The list to train on; None where no list names pictures."""
    if given.get("train_csv") in heads:
        return str(given["train_csv"])
    naming = [name for name, head in heads.items() if picture_columns(head, given)]
    usual = [name for name in naming if stem(name) in LISTS["train_csv"]]
    others = {word for role, words in LISTS.items() if role != "train_csv" for word in words}
    possible = usual or [name for name in naming if stem(name) not in others]
    if len(possible) > 1:
        listed = ", ".join(f"'{escape(name, 40)}'" for name in possible[:12])
        raise DataError(
            f"{where}: which list is to be trained on: {listed}?",
            hint="name it with --set data.train_csv=FILE",
        )
    return next(iter(possible), None)


def other_lists(heads: Mapping[str, Head], train: str, names: Iterable[str]) -> dict[str, str]:
    """The lists of the other splits by their usual names, and the folder of validation pictures."""
    found = {
        role: name
        for role, words in LISTS.items()
        for name in heads
        if role != "train_csv" and name != train and stem(name) in words
    }
    submission = found.pop("submission_csv", "")
    if submission and not ("test_csv" in found and len(heads[submission].columns) == 2):
        found["submission_csv"] = ""
    elif submission:
        found["submission_csv"] = submission
    tops = {name.partition("/")[0] for name in names if "/" in name}
    folder = next((top for top in sorted(tops) if top.lower() in LISTS["validation_csv"]), "")
    return {**found, **({"validation_folder": folder} if folder else {})}


def stem(name: str) -> str:
    """A list's name without suffix, as the usual names are written."""
    return name.rpartition(".")[0].lower().replace("-", "_").replace(" ", "_")


def picture_columns(head: Head, given: Given) -> dict[str, str]:
    """The columns whose values are pictures, each with the folder in which they were found.

    No value of such a column appears twice: a column of labels from 0 to 9 may name pictures too.
    """
    asked = [column for column in head.columns if column == given.get("image")]
    found = {}
    for column in asked or head.columns:
        values = head.column(column)
        if len(set(values)) < len(values):
            continue
        own = given.get("train_folder")
        for folder in [own] if isinstance(own, str) else head.folders:
            hits = sum(len(head.find(value, folder)) > 0 for value in values)
            if values and 4 * hits >= len(values):
                found[column] = folder
                break
    return found


def described(head: Head, given: Given, values: Mapping[str, str], more: str) -> Detected:
    """What a list says in which column; raises `DataError` where that is for a person to choose."""
    images = picture_columns(head, given)
    image = image_column(head, images, given)
    refuse_row(head, image, images.get(image, ""))
    label = given["label"] if "label" in given else label_column(head, image, given)
    split = split_column(head, (image, label)) if "split" not in given else given["split"]
    chosen = {
        **values,
        "image": image,
        "label": label,
        "train_folder": images.get(image, ""),
        **({"split": split} if split else {}),
    }
    fields = CsvImagesParams.model_fields
    kept = {
        key: value
        for key, value in chosen.items()
        if key not in given and (key not in fields or value != fields[key].default)
    }
    if kept.get("split") == USUAL_SPLIT:
        del kept["split"]
    said = f"pictures in column '{escape(image, 40)}', labels in '{escape(str(label), 40)}'"
    said += f", splits in '{escape(str(split), 40)}'" if split else ""
    said += unused(head, (image, label, split, given.get("group")))
    said += "" if split or given.get("group") else keeping_together(head, (image, label))
    return Detected(
        values=kept, seen=f"a list of pictures, {escape(head.where, 60)} ({said}{more})"
    )


def refuse_row(head: Head, image: str, folder: str) -> None:
    """Raise where the first line names a picture: it would be lost as a line of columns."""
    if is_picture(image) or head.find(image, folder):
        raise DataError(
            f"{head.where}:1 (column {head.columns.index(image) + 1}): the first line is itself a row",
            hint="add a line of columns above it, as path,label",
        )


def unused(head: Head, used: Sequence[object]) -> str:
    """The columns that nothing is read from, in words."""
    left = [f"'{escape(column, 40)}'" for column in head.columns if column not in used]
    more = f" and {len(left) - SHOWN} more" if len(left) > SHOWN else ""
    return f", not used: {', '.join(left[:SHOWN])}{more}" if left else ""


def keeping_together(head: Head, used: Sequence[object]) -> str:
    """What to set where a column most likely says which pictures are of one person or place."""
    own = (c for c in head.columns if c not in used)
    group = next((c for c in own if {*GROUPS} & {*re.split(r"[\W_]+", c.lower())}), "")
    return f"; --set data.group={shlex.quote(group)} keeps each together" if group else ""


def image_column(head: Head, images: Mapping[str, str], given: Given) -> str:
    """The column of pictures; the first of several that name the same ones."""
    labels = (given.get("label"), *LABELS)
    plain = {column: folder for column, folder in images.items() if column.lower() not in labels}
    answers = {
        column: [tuple(head.find(value, folder)) for value in head.column(column)]
        for column, folder in (plain or images).items()
    }
    first = next(iter(answers))
    if any(answer != answers[first] for answer in answers.values()):
        raise which("names the pictures", "image", list(answers), head)
    return first


def label_column(head: Head, image: str, given: Given) -> str:
    """The column of labels: by its usual name, else the only one left."""
    used = {image, given.get("group"), given.get("split")}
    left = [column for column in head.columns if column not in used]
    left = [column for column in left if not is_split(head, column)]
    exact = [column for column in left if column.lower() == LABELS[0]]
    usual = [column for column in left if column.lower() in LABELS]
    for choice in (exact, usual, left):
        if len(choice) == 1:
            return choice[0]
    raise which("is the label", "label", left or list(head.columns), head)


def split_column(head: Head, used: Sequence[object]) -> str:
    """The column that says train, validation or test; "" for none."""
    return next((c for c in head.columns if c not in used and is_split(head, c)), "")


def is_split(head: Head, column: str) -> bool:
    """Whether a column bears a usual name and says a split in every row looked at."""
    words = [value.lower() for value in head.column(column)]
    return column.lower() in SPLITS and bool(words) and all(word in SPLIT_WORDS for word in words)


def which(what: str, key: str, columns: Sequence[str], head: Head) -> DataError:
    """The error where a person has to choose a column."""
    shown = ", ".join(f"'{escape(column, 30)}'" for column in columns[:12])
    return DataError(
        f"{head.where}:1: which column {what}: {shown}?",
        hint=f"choose one with --set data.{key}=COLUMN",
    )
