"""Reads pictures and labels from arrays: the members of a `.npz`, or `.npy` files side by side."""

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clfw import DataError
from clfw.api import ArraySource, Content, FileTree, Part, did_you_mean, escape, open_tree
from clfw_plugins.arrays.npy import read_npy
from clfw_plugins.arrays.params import ArraysParams

USUAL = {
    "train_images": ("train_images", "x_train", "X_train", "images", "x", "X"),
    "train_labels": ("train_labels", "y_train", "labels", "y"),
    "validation_images": ("val_images", "validation_images", "x_val", "X_val"),
    "validation_labels": ("val_labels", "validation_labels", "y_val"),
    "test_images": ("test_images", "x_test", "X_test"),
    "test_labels": ("test_labels", "y_test"),
}


def open_arrays(params: ArraysParams, path: Path) -> ArraySource:
    """The source at `path`: a `.npz`, or a folder or zip with `.npy` files or with one `.npz`."""
    tree = open_tree(path)
    if path.is_dir() and not any(name.endswith(".npy") for name in tree.names()):
        packed = list(path.rglob("*.npz"))
        if len(packed) == 1:
            tree = open_tree(packed[0])
    return ArraySource(tree, params, lambda: read_content(tree, params))


def read_content(tree: FileTree, params: ArraysParams) -> Content:
    """Every split's arrays, checked."""
    files = {str(PurePosixPath(n).with_suffix("")): n for n in tree.names() if n.endswith(".npy")}
    used: set[str] = set()
    parts = []
    for split in ("train", "validation", "test"):
        images_name = find(f"{split}_images", params, files, tree.label)
        if images_name is None:
            continue
        labels_name = find(f"{split}_labels", params, files, tree.label)
        used.update(files[name] for name in (images_name, labels_name) if name)
        images = read_images(tree, files[images_name])
        labels = None
        if labels_name is not None:
            labels = read_labels(tree, files[labels_name], len(images), files[images_name])
        declared = f"{tree.label}/{labels_name or images_name}"
        places = [f"{declared}[{row}]" for row in range(len(images))]
        parts.append(Part(split=split, images=images, labels=labels, locations=places))
    return Content(parts=parts, files=frozenset(used))


def find(role: str, params: ArraysParams, files: dict[str, str], label: str) -> str | None:
    """The array that plays `role`; None where it may be absent and is.

    Raises:
        DataError: an array that was named, or that training cannot do without, is not there.
    """
    given = getattr(params, role)
    names = (given,) if given else USUAL[role]
    found = next((name for name in names if name in files), None)
    if found is None and (given or role.startswith("train")):
        listed = ", ".join(escape(name, 30) for name in list(files)[:12]) or "none"
        raise DataError(
            f"{label}: no array '{escape(names[0])}'; the arrays are {listed}",
            hint=did_you_mean(names[0], files, f"name it with --set data.{role}=ARRAY"),
        )
    return found


def read_images(tree: FileTree, file: str) -> NDArray[np.uint8]:
    """(N, H, W) or (N, H, W, C) uint8."""
    where = f"{tree.label}/{escape(file)}"
    array = read_npy(tree.read(file), where)
    if array.dtype != np.uint8:
        raise DataError(
            f"{where}: holds {array.dtype}, expected uint8",
            hint="save the pictures as uint8 levels from 0 to 255",
        )
    if array.ndim not in (3, 4) or (array.ndim == 4 and array.shape[3] not in (1, 3)):
        raise DataError(
            f"{where}: has shape {array.shape}, expected (N, H, W), (N, H, W, 1) or (N, H, W, 3)"
        )
    return array


def read_labels(tree: FileTree, file: str, count: int, images: str) -> Sequence[str]:
    """`count` labels as text, from whole numbers or text of shape (N,) or (N, 1)."""
    where = f"{tree.label}/{escape(file)}"
    array = read_npy(tree.read(file), where)
    if array.dtype.kind not in "iuU":
        raise DataError(f"{where}: holds {array.dtype}, expected whole numbers or text")
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise DataError(f"{where}: has shape {array.shape}, expected one label a picture, (N,)")
    if len(array) != count:
        raise DataError(f"{where}: {len(array):,} labels, and {images} has {count:,} pictures")
    return list(label_texts(array, where))


def label_texts(array: NDArray[Any], where: str) -> Iterator[str]:
    """Each label as text; refuses an empty one."""
    for row, label in enumerate(array.tolist()):
        text = str(label).strip()
        if not text:
            raise DataError(f"{where}[{row}]: the label is empty")
        yield text
