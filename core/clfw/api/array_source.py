"""A source whose pictures lie in uint8 arrays in memory, loaded once, when first asked for."""

import hashlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clfw.api.class_params import ClassParams
from clfw.api.labels import label_texts
from clfw.api.source import Submission, Table
from clfw.io.file_tree import FileTree

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """The pictures of one split.

    Attributes:
        images: (N, H, W) or (N, H, W, C) uint8.
        labels: the N labels as text, or None where there are none.
        keys: N names; the row numbers from 0 if empty.
        locations: where each row was declared, for messages.
    """

    split: str
    images: "NDArray[np.uint8]"
    labels: Sequence[str] | None
    locations: Sequence[str]
    keys: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """Everything that the files hold, which files those were, and the names of their columns."""

    parts: Sequence[Part]
    files: frozenset[str]
    submission: Submission | None = None
    key_column: str = ""
    label_column: str = ""


class ArraySource:
    """Rows of the parts, one after another."""

    def __init__(self, tree: FileTree, params: ClassParams, load: Callable[[], Content]) -> None:
        self._tree = tree
        self._params = params
        self._load = load
        self._lock = threading.Lock()
        self._content: Content | None = None

    def identity(self) -> str:
        return self._tree.identity()

    def read(self, row: int) -> "NDArray[np.uint8]":
        for part in self._loaded().parts:
            if row < len(part.images):
                picture: NDArray[np.uint8] = part.images[row]
                return picture
            row -= len(part.images)
        raise IndexError(row)

    def table(self) -> Table:
        content = self._loaded()
        parts = content.parts
        names, values = self._params.class_names, self._params.class_values
        labels = [label for part in parts for label in labels_of(part)]
        return Table(
            keys=[key for part in parts for key in part.keys or numbered(len(part.images))],
            labels=labels,
            splits=[part.split for part in parts for _ in range(len(part.images))],
            versions=[stamp for part in parts for stamp in stamps(part.images)],
            locations=[place for part in parts for place in part.locations],
            key_column=content.key_column,
            label_column=content.label_column,
            class_names=names,
            class_values=label_texts(names, values, labels),
            unused_files=tuple(name for name in self._tree.names() if name not in content.files),
            submission=content.submission,
        )

    def _loaded(self) -> Content:
        with self._lock:  # decoding threads all ask at once, and one is to do the work
            if self._content is None:
                self._content = self._load()
            return self._content


def labels_of(part: Part) -> Sequence[str | None]:
    """The label of each row, None where there is none."""
    return [None] * len(part.images) if part.labels is None else part.labels


def numbered(count: int) -> list[str]:
    """Row numbers from 0, as keys."""
    return [str(number) for number in range(count)]


def stamps(images: "NDArray[np.uint8]") -> list[str]:
    """Shape and hash of each picture: editing other rows or labels leaves a picture's stamp."""
    shape = "x".join(map(str, images.shape[1:]))
    return [
        f"{shape}-{hashlib.blake2b(picture.tobytes(), digest_size=12).hexdigest()}"
        for picture in images
    ]
