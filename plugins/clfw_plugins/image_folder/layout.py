"""Which split and class a picture belongs to, told from the folders it lies in. Reads no file."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from clfw import DataError
from clfw.api import escape, is_picture, is_stray, unsupported_images, unsupported_images_line

Split = Literal["train", "validation", "test"]
SPLIT_NAMES: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}


class TwinFolders(DataError):
    """Two class folders that a file system may take for one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """One row.

    Attributes:
        name: the file.
        folder: the folder that decides its label, or its split where it has none.
        label: name of the class folder, or None.
    """

    name: str
    folder: str
    split: Split
    label: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """The pictures in order, and where they lie.

    Attributes:
        root: the folder that holds the class or split folders, with its slash, or "".
        class_roots: the folders, with their slashes, whose sub-folders are the classes to train on.
        unused_files: files that are no row.
    """

    root: str
    class_roots: tuple[str, ...]
    pictures: tuple[Picture, ...]
    unused_files: tuple[str, ...]


def lay_out(names: list[str], label: str) -> Layout:
    """Sort the files out.

    Args:
        names: files with forward slashes, sorted.
        label: what holds them, for messages.

    Raises:
        DataError: there are no class folders, or two whose names differ in case alone.
    """
    candidates = [name for name in names if is_picture(name) and not hidden(name)]
    if not candidates:
        if others := unsupported_images(names):
            raise DataError(
                f"{label}: {unsupported_images_line(others)}", hint="convert the pictures"
            )
        raise DataError(f"{label}: holds no pictures", hint="is data.path the right folder?")
    root = wrapper(candidates)
    inner = [name.removeprefix(root) for name in candidates]
    if has_split_folders(inner, label):
        tops = sorted({n.partition("/")[0] for n in inner if "/" in n})
        tops = [top for top in tops if top.lower() in SPLIT_NAMES]
        pictures = split_pictures(inner, tops, root)
        class_roots = tuple(f"{root}{t}/" for t in tops if SPLIT_NAMES[t.lower()] == "train")
    else:
        pictures = [labeled(root, "", "train", name) for name in inner if "/" in name]
        class_roots = (root,)
    if not any(picture.label is not None for picture in pictures):
        raise DataError(
            f"{label}: holds pictures but no class folders, as '{escape(candidates[0])}'",
            hint="put the pictures of each class into a folder of its own, "
            "or list them in a CSV file and use csv_images",
        )
    refuse_twins({p.label for p in pictures if p.label is not None}, label)
    rows = {picture.name for picture in pictures}
    strays = tuple(name for name in names if name not in rows)
    return Layout(root=root, class_roots=class_roots, pictures=tuple(pictures), unused_files=strays)


def hidden(name: str) -> bool:
    """Whether a file or a folder above it is of the system's or an editor's making."""
    return is_stray(name) or any(part.startswith(".") for part in name.split("/"))


def wrapper(pictures: list[str]) -> str:
    """The folders around the whole set, with a slash: "animals/" where all is in animals/CLASS/."""
    root = ""
    while True:
        inner = [name.removeprefix(root) for name in pictures]
        tops = {name.partition("/")[0] for name in inner}
        top = next(iter(tops))
        if len(tops) > 1 or top.lower() in SPLIT_NAMES or any(n.count("/") < 2 for n in inner):
            return root
        root += f"{top}/"


def has_split_folders(names: list[str], label: str) -> bool:
    """Whether the top folders are splits; a folder "train" of pictures alone is a class, of trains."""
    nested = {name.partition("/")[0] for name in names if name.count("/") > 1}
    if any(SPLIT_NAMES.get(top.lower()) == "train" for top in nested):
        return True
    tops = {name.partition("/")[0] for name in names if "/" in name}
    if tops and all(top.lower() in SPLIT_NAMES for top in tops):
        raise DataError(
            f"{label}: has {', '.join(sorted(tops))} but no class folders in a train folder",
            hint="put the training pictures into train/CLASS/",
        )
    return False


def split_pictures(names: list[str], tops: list[str], root: str) -> list[Picture]:
    """The rows below the split folders `tops`; pictures beside class folders are no rows."""
    classes: set[str] = set()
    pictures: list[Picture] = []
    for top in sorted(tops, key=lambda t: SPLIT_NAMES[t.lower()] == "test"):  # test comes last
        split = SPLIT_NAMES[top.lower()]
        inside = [name for name in names if name.startswith(f"{top}/")]
        nested = [name for name in inside if name.count("/") > 1]
        folders = {name.split("/")[1] for name in nested}
        if split == "test" and (not folders or (len(folders) == 1 and not folders & classes)):
            # Flat, or in one folder that is no class, as in test/unknown/.
            for name in nested or inside:
                folder = f"{root}{name.rpartition('/')[0]}"
                pictures.append(Picture(name=root + name, folder=folder, split=split, label=None))
            continue
        pictures += [labeled(root, f"{top}/", split, name) for name in nested]
        classes |= folders
    return pictures


def labeled(root: str, above: str, split: Split, name: str) -> Picture:
    """The row of a picture whose first folder below `above` is its class."""
    label = name.removeprefix(above).partition("/")[0]
    return Picture(name=root + name, folder=f"{root}{above}{label}", split=split, label=label)


def refuse_twins(labels: Iterable[str], where: str) -> None:
    """Raise for two class folders that a file system may take for one."""
    seen: dict[str, str] = {}
    for label in sorted(labels):
        other = seen.setdefault(unicodedata.normalize("NFC", label).casefold(), label)
        if other != label:
            raise TwinFolders(
                f"{where}: class folders '{escape(other)}' and '{escape(label)}' "
                "differ in case or accents' encoding alone",
                hint="give both the same name",
            )
