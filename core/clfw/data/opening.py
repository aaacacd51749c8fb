"""Opens the data of a plan: rows checked, preprocessing settled, pictures decoded. No torch."""

import contextlib
import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clfw.data.badpictures import without_bad
from clfw.data.datafolders import weights_folder
from clfw.data.datavalues import DataValues
from clfw.data.decoding import checked_array, decode_bytes, quiet_reference
from clfw.data.exclusion import excluded_rows
from clfw.data.levels import levels_of
from clfw.data.pixelmap import PixelMap
from clfw.data.pixels import PixelStore, by_row, open_pixels
from clfw.data.rows import Rows, check_rows, fingerprint, read_table
from clfw.errors import DataError, UsageError, printable
from clfw.host.attribution import attributed, called
from clfw.params import Params, Resolved
from clfw.plan import DataChoice, Plan
from clfw.preprocess import Preprocess
from clfw.source import Source, Table
from clfw.task import Task

LARGEST_NATURAL_SIDE = 64  # pixels; larger pictures are scaled to DEFAULT_SIDE
DEFAULT_SIDE = 128
Progress = Callable[[str, int], "ProgressBar"]


class ProgressBar:
    """Counts what is done; this one shows nothing."""

    def advance(self, count: int) -> None:
        """`count` more are done."""

    def close(self) -> None:
        """Nothing more will come."""


def no_progress(what: str, total: int) -> ProgressBar:
    """Shows nothing."""
    return ProgressBar()


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenedData:
    """A dataset whose rows are checked, with its source at hand to decode from."""

    choice: DataChoice
    source: Source
    rows: Rows


@dataclass(frozen=True, kw_only=True, slots=True)
class Pictures:
    """The decoded pictures of some splits.

    Attributes:
        pixels: (N, H, W, C) uint8; black where a picture does not decode.
        numbers: (N,) row number of each picture in the table.
        targets: (N,) int64 class indices, -1 for none.
        fingerprint: hash of everything that is learned from.
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
        """The pictures."""
        return self.pixels.images

    def where(self, split: str) -> NDArray[np.int64]:
        """Positions of a split's pictures in `images`."""
        return np.flatnonzero(np.isin(self.numbers, self.rows.of(split)))


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Spares the garbage collector going through all rows again and again while they are made."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


@uncollected()
def open_data(choice: DataChoice, trained_elsewhere: bool = False) -> OpenedData:
    """Open the source and check every row, for training or for finished weights; decodes nothing."""
    source, table = open_table(choice)
    rows = check_rows(table, choice.values.params, named_rows(choice, table), trained_elsewhere)
    return OpenedData(choice=choice, source=source, rows=rows)


@uncollected()
def open_table(choice: DataChoice) -> tuple[Source, Table]:
    """The source of a dataset, and its rows as they are declared."""
    component = choice.choice.component
    plugin = choice.choice.plugin
    source: Source = called(plugin, component.open, choice.choice.params, choice.path)
    reader: dict[str, Any] = {
        "component": component.name,
        "package": choice.choice.plugin.package,
        "version": choice.choice.plugin.version,
        "values": choice.choice.params.model_dump(mode="json"),
        "file": choice.path.name if choice.path else "",  # which the rows' places name
    }
    with attributed(plugin, f"the table of '{component.name}'"):
        table = read_table(source, reader, choice.choice.entry)
    if not table.keys:
        raise DataError(f"data '{choice.choice.entry}': no rows")
    return source, table


def named_rows(choice: DataChoice, table: Table) -> dict[int, str]:
    """The rows that an exclude list leaves out, each with the reason."""
    name = choice.values.params.exclude
    return excluded_rows(Path(name).expanduser(), table) if name else {}


def settle(plan: Plan, opened: OpenedData) -> tuple[Plan, Preprocess]:
    """The data's natural values, changed where the network dictates its own input."""
    natural = natural_preprocess(opened, opened.choice.values.params)
    model = plan.model
    if not model.component.prepare:
        return plan, natural
    folder = weights_folder(plan.data_folder)
    params, preprocess = called(
        model.plugin, model.component.prepare, model.params, natural, folder
    )
    values: Resolved[Params] = Resolved(params, model.values.origins)
    return replace(plan, model=replace(model, values=values)), preprocess


def require_weights(plan: Plan) -> None:
    """Raise where a file is absent that a fresh run of the model starts from."""
    if reference := plan.model.component.require:
        folder = weights_folder(plan.data_folder)
        called(plan.model.plugin, reference, plan.model.params, folder)


def model_notes(plan: Plan, preprocess: Preprocess) -> tuple[str, ...]:
    """What the settled model says of itself and its input, a line each."""
    if not plan.model.component.notes:
        return ()
    lines = called(plan.model.plugin, plan.model.component.notes, plan.model.params, preprocess)
    return tuple(printable(str(line), 400) for line in lines)


def natural_preprocess(opened: OpenedData, values: DataValues) -> Preprocess:
    """What the values say; where they are silent, what the first pictures show."""
    size = (values.image_size,) * 2 if isinstance(values.image_size, int) else values.image_size
    channels: int | None = values.channels
    if size is None or channels is None:
        found_size, found_channels = look_at_pictures(opened)
        size, channels = size or found_size, channels or found_channels
    for name in ("mean", "std"):
        given = getattr(values, name)
        if given is not None and len(given) not in (1, channels):
            raise UsageError(
                f"data.{name}: has {len(given)} values, and there are {channels} channels"
            )
    return Preprocess(
        channels=channels,
        height=size[0],
        width=size[1],
        fit=values.fit,
        mean=spread_over(values.mean, channels),
        std=spread_over(values.std, channels),
    )


def spread_over(values: tuple[float, ...] | None, channels: int) -> tuple[float, ...]:
    """One value per channel; a single one serves all; () for None."""
    if values is None:
        return ()
    return values * channels if len(values) == 1 else values


def look_at_pictures(opened: OpenedData, at_most: int = 32) -> tuple[tuple[int, int], int]:
    """Size and channels that fit the first readable training pictures."""
    sizes: set[tuple[int, int]] = set()
    channels = 1
    for row in opened.rows.of("train")[:at_most].tolist():
        try:
            data = opened.source.read(row)
            with quiet_reference():
                pixels = checked_array(data) if isinstance(data, np.ndarray) else decode_bytes(data)
        except Exception:
            continue  # every bad picture is named when all are decoded
        sizes.add((pixels.shape[0], pixels.shape[1]))
        channels = max(channels, pixels.shape[2])
    if len(sizes) == 1 and max(next(iter(sizes))) <= LARGEST_NATURAL_SIDE:
        return sizes.pop(), channels
    return (DEFAULT_SIDE, DEFAULT_SIDE), channels


def decode_splits(
    opened: OpenedData, preprocess: Preprocess, splits: tuple[str, ...], progress: Progress
) -> Pictures:
    """The pictures of `splits`, from the cache or decoded now, with the normalisation measured."""
    rows = opened.rows
    numbers = np.sort(np.concatenate([rows.of(split) for split in splits]))
    skip_bad = opened.choice.values.params.on_bad_image == "skip"
    store = decode_numbers(opened, numbers, preprocess, progress, skip_bad=skip_bad)
    rows = without_bad(rows, by_row(store.faults, numbers))
    pictures = Pictures(
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
    mean, std = levels_of(store, pictures.where("train"))
    return replace(pictures, preprocess=replace(preprocess, mean=mean, std=std))


def decode_numbers(
    opened: OpenedData,
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
            name=opened.choice.choice.entry,
        )
    finally:
        bar.close()


def task_of(rows: Rows, preprocess: Preprocess) -> Task:
    """What the network is built for."""
    return Task(
        classes=rows.classes,
        channels=preprocess.channels,
        height=preprocess.height,
        width=preprocess.width,
    )
