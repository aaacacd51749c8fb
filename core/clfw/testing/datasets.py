"""Checks of datasets: a source opened, every column held against the others, pictures read."""

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from clfw.api.components import Dataset, load
from clfw.api.params import params_class
from clfw.api.preprocess import Preprocess
from clfw.api.source import SPLITS, Source, Table
from clfw.data.decoding import decode
from clfw.data.rows import plain_columns
from clfw.errors import ClfwError
from clfw.plugins.manager import first_line
from clfw.plugins.plugin import Plugin
from clfw.testing.check import Check, Fault, require
from clfw.testing.declarations import imported_with
from clfw.testing.detection import detects_its_files, without_pixels

MOST_ROWS = 10_000  # of a sample
MOST_BYTES = 64_000_000  # of a sample's pictures, decoded or not
COMPARED = 20  # pairs of rows of one stamp
READ = 128  # rows that are read; of more, about so many, evenly from the first to the last
PLAIN = Preprocess(channels=3, height=16, width=16)


def dataset_checks(component: Dataset, plugin: Plugin, path: Path | None) -> dict[str, Check]:
    """Every check of a dataset, by what it tries; `path` has files where it needs them."""
    if component.needs_path and path is None:
        return {"looking for a sample": partial(has_a_sample, component, plugin)}
    once = cache(partial(opened, component, path))  # some readers draw or index much at first
    checks: dict[str, Check] = {
        "opening": partial(decodes_nothing_to_open, component, path),
        "reading the table": lambda: has_fitting_columns(once()),
        "reading the labels": lambda: has_labels_of_its_classes(once()),
        "reading pictures": lambda: gives_pictures(once()),
        "reading in threads": lambda: reads_the_same_again(once(), opened(component, path)),
        "comparing versions": lambda: versions_its_images(once()),
        "opening twice": partial(has_a_stable_fingerprint, component, path),
        "importing the reader": partial(without_torch, component),
    }
    if component.detect and path is not None:
        checks["recognising its files"] = partial(detects_its_files, component, path)
        checks["importing the recogniser"] = partial(without_pixels, component)
    if not component.needs_path:
        checks["measuring the sample"] = lambda: is_small(once())
    return checks


def opened(component: Dataset, path: Path | None) -> Source:
    """The source with default parameters."""
    source = load(component.open)(params_class(component)(), path)
    missing = [name for name in ("identity", "table", "read") if not hasattr(source, name)]
    require(not missing, f"what open returns has no {', '.join(missing)}(): see clfw.Source")
    found: Source = source
    return found


def has_a_sample(component: Dataset, plugin: Plugin) -> None:
    """A name that needs files has a stand-in, so that every documented command works at once."""
    free = [c.name for c in plugin.components if isinstance(c, Dataset) and not c.needs_path]
    require(
        component.sample,
        f"needs files and has no sample: name a dataset without files in sample=, or give its "
        f"check files, as in data={{'{component.name}': 'examples'}}",
    )
    require(
        component.sample in free,
        f"sample='{component.sample}' is no dataset of this plugin that needs no files: "
        "offer one with needs_path=False",
    )


def decodes_nothing_to_open(component: Dataset, path: Path | None) -> None:
    """Opening and the table are cheap: core decodes, once, and keeps the pixels."""
    with decoders_forbidden() as decoded:
        source = opened(component, path)
        source.identity()
        source.table()
    require(
        not decoded,
        "pictures are decoded to open it: return encoded bytes in read() and decode nothing",
    )


@contextlib.contextmanager
def decoders_forbidden() -> Iterator[list[str]]:
    """The calls of picture decoders meanwhile."""
    calls: list[str] = []

    def noted(name: str, original: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            calls.append(name)
            return original(*arguments, **options)

        return call

    import cv2
    from PIL import Image

    with contextlib.ExitStack() as stack:
        for module, name in ((cv2, "imdecode"), (cv2, "imread"), (Image, "open")):
            call = noted(name, getattr(module, name))
            stack.enter_context(mock.patch.object(module, name, call))
        yield calls


def has_fitting_columns(source: Source) -> None:
    """The index is honest: as many labels, splits, stamps and places as keys, each key once."""
    table = source.table()
    require(isinstance(table, Table), "table() must return a clfw.Table")
    count = len(table.keys)
    require(count, "has no rows: give the default parameters some")
    columns = {"labels": table.labels, "splits": table.splits, "stamps": table.versions,
               "places": table.locations}  # fmt: skip
    if len(table.groups):
        columns["groups"] = table.groups
    for name, column in columns.items():
        require(
            len(column) == count,
            f"table() has {count} keys and {len(column)} {name}: give one a row",
        )
    unknown = sorted(set(table.splits) - set(SPLITS))
    require(not unknown, f"split '{unknown[:1]}': the splits are {', '.join(SPLITS)}")
    require(
        len(set(zip(table.splits, table.keys, strict=True))) == count,
        "two rows of a split have one key: name every row by a key of its own",
    )
    require(all(table.versions), "a row has no version: give a text that changes with the picture")


def has_labels_of_its_classes(source: Source) -> None:
    """Labels are among the classes; a row of the training split has one."""
    table = source.table()
    values = table.class_values or table.class_names
    require(
        not table.class_values or len(table.class_values) == len(table.class_names),
        f"{len(table.class_values)} class_values for {len(table.class_names)} class_names: "
        "give one for each",
    )
    strange = sorted({str(label) for label in table.labels if label is not None} - set(values))
    require(
        not values or not strange,
        f"label '{strange[0] if strange else ''}' is none of the classes: name it in class_names",
    )
    bare = [k for k, label, split in zip(table.keys, table.labels, table.splits, strict=True)
            if label is None and split == "train"]  # fmt: skip
    require(not bare, f"training row '{bare[0] if bare else ''}' has no label: leave it out")


def some_rows(table: Table) -> list[int]:
    """Numbers of a few rows: the first ones, the last, and some between."""
    count = len(table.keys)
    return sorted({*range(min(3, count)), count // 4, count // 2, count * 3 // 4, count - 1})


def bytes_of(picture: Any) -> bytes:
    """A picture's content, to compare."""
    if isinstance(picture, np.ndarray):
        return repr(picture.shape).encode() + np.ascontiguousarray(picture).tobytes()
    return bytes(picture)


def gives_pictures(source: Source) -> None:
    """Each row is a picture: encoded bytes that decode, or uint8 pixels."""
    table = source.table()
    decoded, count = some_rows(table), len(table.keys)
    for row in sorted({*decoded, *range(0, count, -(-count // READ))}):
        where = f"row {row} ('{table.keys[row]}')"
        try:
            picture: Any = source.read(row)
        except Exception as error:
            raise Fault(f"{where} is in the table and cannot be read: {first_line(error)}: leave "
                        "it out of table(), or mend read()") from error  # fmt: skip
        if isinstance(picture, np.ndarray):
            require(
                picture.dtype == np.uint8 and picture.ndim in (2, 3),
                f"{where} is {picture.dtype} of {picture.ndim} dimensions: "
                "return (H, W) or (H, W, C) uint8",
            )
        else:
            require(
                isinstance(picture, bytes),
                f"{where} is {type(picture).__name__}: return bytes or a NumPy array",
            )
        if row not in decoded:
            continue
        try:
            decode(picture, PLAIN)
        except ClfwError as error:
            raise Fault(f"{where} does not decode ({error.message}): return the bytes of a picture "
                        "file") from error  # fmt: skip


def reads_the_same_again(source: Source, other: Source) -> None:
    """Core reads from several threads, in any order."""
    rows = some_rows(source.table())
    alone = [bytes_of(source.read(row)) for row in rows]
    with ThreadPoolExecutor(4) as pool:
        together = [bytes_of(picture) for picture in pool.map(other.read, rows * 2)]
    wrong = [row for row, a, b in zip(rows * 2, alone * 2, together, strict=True) if a != b]
    require(
        not wrong,
        f"row {wrong[0] if wrong else 0} is another picture when it is read again or from threads: "
        "open files within read(), and draw pictures from the row's number alone",
    )


def versions_its_images(source: Source) -> None:
    """Decoded pixels are kept under the stamp: one stamp, one picture."""
    table = source.table()
    known: dict[str, int] = {}
    twice = [(known[stamp], row) for row, stamp in enumerate(table.versions)
             if known.setdefault(stamp, row) != row]  # fmt: skip
    for first, row in twice[:COMPARED]:
        require(
            bytes_of(source.read(first)) == bytes_of(source.read(row)),
            f"rows {first} and {row} have one version and two pictures: make the stamp of the "
            "picture's own size, checksum or number",
        )


def has_a_stable_fingerprint(component: Dataset, path: Path | None) -> None:
    """The same data is the same data tomorrow: caches and resumes depend on it."""
    first, second = opened(component, path), opened(component, path)
    require(
        first.identity() == second.identity(),
        "identity() changes from one opening to the next: make it of the files' names, sizes and "
        "checksums and the parameters, without time, order or memory addresses",
    )
    require(
        plain_columns(first.table()) == plain_columns(second.table()),
        "table() changes from one opening to the next: sort what folders list, and draw nothing",
    )


def without_torch(component: Dataset) -> None:
    """Errors about data come before torch is imported, which takes seconds."""
    module = component.open.partition(":")[0]
    file = str(getattr(load(component.open), "__globals__", {}).get("__file__", ""))
    loaded = imported_with(module, "" if "." in module else file, ("torch", "torchvision"))
    require(not loaded, f"'{module}' imports {', '.join(loaded)}: hand over bytes or NumPy arrays")


def is_small(source: Source) -> None:
    """A sample is there to try a command, in seconds."""
    table = source.table()
    count = len(table.keys)
    require(
        count <= MOST_ROWS, f"has {count:,} rows by default: a sample has {MOST_ROWS:,} at most"
    )
    rows = some_rows(table)
    size = sum(len(bytes_of(source.read(row))) for row in rows) / len(rows) * count
    require(
        size <= MOST_BYTES,
        f"is about {size / 1e6:,.0f} MB by default: a sample has {MOST_BYTES / 1e6:.0f} MB at most",
    )
