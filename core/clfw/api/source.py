"""Where a dataset's pictures and labels are: what a reader hands to core. No decoding here."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

if TYPE_CHECKING:
    import numpy

SPLITS = ("train", "validation", "test")
Text = TypeVar("Text", covariant=True)


class Column(Protocol[Text]):
    """A list, a tuple or a one-dimensional NumPy array, of texts of a fixed width or of objects.

    Whether it is empty tells `len` alone: an array of several rows is neither true nor false.
    """

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Text]: ...
    def __getitem__(self, row: int, /) -> Text: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Submission:
    """The layout in which predictions for the test split are to be handed in."""

    key_column: str
    label_column: str
    keys: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """One row a picture, as columns of equal length N: lists, tuples or NumPy arrays.

    Attributes:
        keys: names the row; unique within its split.
        labels: the label as the data writes it, or None where the row has none.
        splits: "train", "validation" or "test".
        versions: a short text that changes when the picture's bytes change (size and checksum, say).
        locations: where the row was declared, for messages, as "train.csv:12".
        key_column: the column that keys stand in, for messages; empty for none.
        label_column: the column that labels stand in, for messages; empty for none.
        groups: rows of one group never part in a split (patient, site); empty for none.
        class_names: the K class names in order, or empty for the sorted labels.
        class_values: the label text of each class, where it is not the name itself (`clfw.api.labels`).
        unused_files: files that no row uses.
        empty_classes: folders of classes without a picture to train on, each with what is there instead.
        warnings: what was read otherwise than it stands, a sentence each.
        submission: the layout for predictions, where the data states one.
    """

    keys: Column[str]
    labels: Column[str | None]
    splits: Column[str]
    versions: Column[str]
    locations: Column[str]
    key_column: str = ""
    label_column: str = ""
    groups: Column[str] = ()
    class_names: tuple[str, ...] = ()
    class_values: tuple[str, ...] = ()
    unused_files: tuple[str, ...] = ()
    empty_classes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    submission: Submission | None = field(default=None)


def row_name(table: Table, row: int) -> str:
    """Where a row was declared and its key, once each: "list.csv:9: 7", "pets/cats/1.png"."""
    key, place = table.keys[row], table.locations[row]
    folder = key
    while folder := folder.rpartition("/")[0]:  # a picture may lie deeper than its class's folder
        if f"/{place}".endswith(f"/{folder}"):
            return place.removesuffix(folder) + key
    return f"{place}: {key}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Detected:
    """What a reader makes of files that nobody has described to it.

    Attributes:
        values: what to set so that it reads them, beside `data.path`.
        seen: one phrase for the person, as "a folder per class (3 classes, 3,000 pictures)".
    """

    values: Mapping[str, Any]
    seen: str


@runtime_checkable
class Source(Protocol):
    """An opened dataset. Opening is cheap; `table` may read every file name and every CSV row."""

    def identity(self) -> str:
        """A text that changes whenever `table()` or `read()` would answer otherwise."""

    def table(self) -> Table:
        """The rows. Raises `DataError` naming file, line and column of what is wrong."""

    def read(self, row: int) -> "bytes | numpy.ndarray":
        """Row `row`'s picture: encoded bytes, or (H, W) or (H, W, C) uint8. Called from threads."""


@runtime_checkable
class FileSource(Source, Protocol):
    """A source whose keys may say less than the names of its files. Nobody needs to be one."""

    def file_name(self, row: int) -> str:
        """The name of row `row`'s file, with its suffix. Called from threads."""
