"""Whether files lie in a folder per class. Reads names alone."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clfw import DataError, Detected
from clfw.api import FileTree, escape
from clfw_plugins.image_folder.layout import Layout, TwinFolders, hidden, lay_out


def detect_folders(path: Path, tree: FileTree, given: Mapping[str, Any]) -> Detected | None:
    """Two class folders with pictures or more; or one, where no list lies beside it.

    A list beside a single folder of pictures most likely says what they show.
    """
    names = tree.names()
    if path.is_file() and names == [path.name]:
        return None
    try:
        layout = lay_out(names, tree.label)
    except TwinFolders:
        raise
    except DataError:
        return None
    classes = {picture.label for picture in layout.pictures} - {None}
    lists = [name for name in names if name.lower().endswith((".csv", ".tsv")) and not hidden(name)]
    if len(classes) < 2 and lists:
        return None
    return Detected(values={}, seen=in_words(layout, len(classes)))


def in_words(layout: Layout, classes: int) -> str:
    """How many pictures of how many classes, by split where there is more than one."""
    counts = Counter(picture.split for picture in layout.pictures)
    inside = f" in {escape(layout.root.rstrip('/'), 40)}" if layout.root else ""
    splits = ", ".join(f"{count:,} {split}" for split, count in counts.items())
    pictures = f"{len(layout.pictures):,} pictures"
    parts = f"{pictures}: {splits}" if len(counts) > 1 else pictures
    word = "class" if classes == 1 else "classes"
    return f"a folder per class{inside} ({classes} {word}, {parts}{deeper(layout)})"


def deeper(layout: Layout) -> str:
    """That every picture lies in folders below those taken for classes: may be they are the classes."""
    inner = [p.name.split("/") for p in layout.pictures]
    below = [parts[-2] for parts, p in zip(inner, layout.pictures, strict=True)]
    folders = {p.folder.rpartition("/")[2] for p in layout.pictures if p.label is not None}
    if any(
        p.label is None or name in folders for name, p in zip(below, layout.pictures, strict=True)
    ):
        return ""
    return f"; each in folders below, as {escape('/'.join(inner[0][:-1]), 60)}"
