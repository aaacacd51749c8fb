"""Reads pairs of IDX files, one of pictures and one of labels, for training and test."""

from collections.abc import Sequence
from pathlib import Path

from clfw import DataError
from clfw.api import ArraySource, Content, FileTree, Part, did_you_mean, escape, open_tree, read_idx
from clfw_plugins.idx_files.params import IdxFilesParams


def open_idx_files(params: IdxFilesParams, path: Path) -> ArraySource:
    """The source at `path`, a folder or zip that holds the files."""
    tree = open_tree(path)
    return ArraySource(tree, params, lambda: read_content(tree, params))


def read_content(tree: FileTree, params: IdxFilesParams) -> Content:
    """Both pairs of files, checked against each other."""
    train_images = require(tree, params.train_images, "train_images")
    train_labels = require(tree, params.train_labels, "train_labels")
    parts = [read_part(tree, "train", train_images, train_labels)]
    used = {train_images, train_labels}
    test_images = find(tree, params.test_images, "test_images")
    if test_images is not None:
        test_labels = find(tree, params.test_labels, "test_labels")
        parts.append(read_part(tree, "test", test_images, test_labels))
        used |= {test_images, *([test_labels] if test_labels else [])}
    return Content(parts=parts, files=frozenset(used))


def find(tree: FileTree, wanted: str, role: str) -> str | None:
    """The file named `wanted`, at any depth, or its spelling with a dot or .gz; None for none."""
    names = tree.names()
    if not wanted or wanted in names:
        return wanted or None
    plain = wanted.removesuffix(".gz")
    for spelling in (plain, plain.replace("-idx", ".idx")):
        for name in (spelling, f"{spelling}.gz"):
            found = [n for n in names if n == name or n.endswith(f"/{name}")]
            if len(found) > 1:
                raise DataError(
                    f"{tree.label}: '{escape(found[0])}' and '{escape(found[1])}' both "
                    f"have the name of {role}",
                    hint=f"choose one with --set data.{role}=FILE",
                )
            if found:
                return found[0]
    return None


def require(tree: FileTree, wanted: str, role: str) -> str:
    """`find`, where the file must be there."""
    found = find(tree, wanted, role)
    if found is None:
        raise DataError(
            f"{tree.label}: no file '{escape(wanted)}', nor with .gz",
            hint=did_you_mean(wanted, tree.names(), f"name the file with --set data.{role}=FILE"),
        )
    return found


def read_part(tree: FileTree, split: str, images: str, labels: str | None) -> Part:
    """One pair of files."""
    pictures = read_idx(tree.read(images), images, (3, 4), "images")
    texts: Sequence[str] | None = None
    if labels is not None:
        values = read_idx(tree.read(labels), labels, (1,), "labels")
        if len(values) != len(pictures):
            raise DataError(
                f"{labels}: offset 4: {len(values):,} labels, and {images} has "
                f"{len(pictures):,} pictures"
            )
        texts = [str(value) for value in values.tolist()]
    declared = labels or images
    places = [f"{declared}[{row}]" for row in range(len(pictures))]
    return Part(split=split, images=pictures, labels=texts, locations=places)
