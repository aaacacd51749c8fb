"""Opens the data of a plan: rows checked, pictures decoded. No torch."""

import contextlib
import gc
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clfw.api.preprocess import Preprocess
from clfw.api.source import Source, Table
from clfw.api.task import Task
from clfw.config.data_choice import DataChoice
from clfw.data.channel_stats import stats_of
from clfw.data.exclusion import excluded_rows
from clfw.data.pixel_map import PixelMap
from clfw.data.pixels import PixelStore, by_row, open_pixels
from clfw.data.rows import Rows, check_rows, fingerprint, read_table
from clfw.data.undecodable import drop_undecodable
from clfw.errors import DataError
from clfw.io.progress import Progress
from clfw.plugins.plugin_calls import call_plugin, plugin_errors


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenedDataset:
    """A dataset with checked rows, and the source to decode them from."""

    choice: DataChoice
    source: Source
    rows: Rows


@dataclass(frozen=True, kw_only=True, slots=True)
class DecodedImages:
    """The decoded pictures of some splits.

    Attributes:
        pixels: (N, H, W, C) uint8; black for a picture that does not decode.
        numbers: (N,) int64 row in the table of each picture.
        targets: (N,) int64 class indices, UNLABELED for none.
        fingerprint: hash of everything that training sees.
    """

    pixels: PixelMap
    numbers: NDArray[np.int64]
    targets: NDArray[np.int64]
    preprocess: Preprocess
    fingerprint: str
    cached: bool
    rows: Rows

    @property
    def images(self) -> NDArray[np.uint8]:
        """(N, H, W, C) uint8, mapped from the cache."""
        return self.pixels.images

    def where(self, split: str) -> NDArray[np.int64]:
        """Positions of a split's pictures in `images`."""
        return np.flatnonzero(np.isin(self.numbers, self.rows.of(split)))


@contextlib.contextmanager
def gc_paused() -> Iterator[None]:
    """Pauses the garbage collector, which would scan all rows again and again while they are made."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


@gc_paused()
def open_data(choice: DataChoice, trained_elsewhere: bool = False) -> OpenedDataset:
    """Open the source and check every row, for training or for finished weights; decodes nothing."""
    source, table = open_table(choice)
    rows = check_rows(table, choice.common, excluded_by_list(choice, table), trained_elsewhere)
    return OpenedDataset(choice=choice, source=source, rows=rows)


@gc_paused()
def open_table(choice: DataChoice) -> tuple[Source, Table]:
    """The source of a dataset, and its rows as declared."""
    component = choice.component
    plugin = choice.plugin
    source: Source = call_plugin(plugin, component.open, choice.params, choice.path)
    reader: dict[str, Any] = {
        "component": component.name,
        "package": choice.plugin.package,
        "version": choice.plugin.version,
        "values": choice.params.model_dump(mode="json"),
        "file": choice.path.name if choice.path else "",  # which the rows' locations name
    }
    with plugin_errors(plugin, f"the table of '{component.name}'"):
        table = read_table(source, reader, choice.entry)
    if not len(table.keys):
        raise DataError(f"data '{choice.entry}': no rows")
    return source, table


def excluded_by_list(choice: DataChoice, table: Table) -> dict[int, str]:
    """The rows that the exclude list leaves out, each with the reason."""
    name = choice.common.exclude
    return excluded_rows(Path(name).expanduser(), table) if name else {}


def decode_splits(
    opened: OpenedDataset, preprocess: Preprocess, splits: tuple[str, ...], progress: Progress
) -> DecodedImages:
    """The pictures of `splits`, from the cache or decoded now, with mean and std measured."""
    rows = opened.rows
    numbers = np.sort(np.concatenate([rows.of(split) for split in splits]))
    skip_bad = opened.choice.common.on_bad_image == "skip"
    store = decode_numbers(opened, numbers, preprocess, progress, skip_bad=skip_bad)
    rows = drop_undecodable(rows, by_row(store.faults, numbers))
    pictures = DecodedImages(
        pixels=store.pixels,
        numbers=numbers,
        targets=rows.targets[numbers],
        preprocess=preprocess,
        fingerprint=fingerprint(rows, store.digest),
        cached=store.cached,
        rows=rows,
    )
    if preprocess.mean:
        return pictures
    mean, std = stats_of(store, pictures.where("train"))
    return replace(pictures, preprocess=replace(preprocess, mean=mean, std=std))


def decode_numbers(
    opened: OpenedDataset,
    numbers: NDArray[np.int64],
    preprocess: Preprocess,
    progress: Progress,
    *,
    skip_bad: bool,
) -> PixelStore:
    """The pictures of some rows, from the cache or decoded now under a progress bar."""
    bar = progress("decoding", len(numbers))
    try:
        return open_pixels(
            opened.source,
            opened.rows.table,
            numbers,
            preprocess,
            bar.advance,
            skip_bad=skip_bad,
            name=opened.choice.entry,
        )
    finally:
        bar.close()


def task_of(rows: Rows, preprocess: Preprocess) -> Task:
    """The task that the network is built for."""
    return Task(
        classes=rows.classes,
        channels=preprocess.channels,
        height=preprocess.height,
        width=preprocess.width,
    )
