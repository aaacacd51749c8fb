"""Pictures for finished weights: a split of a dataset, or files. No torch."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clfw.api.labels import require_texts
from clfw.api.params import Layer, parse_settings
from clfw.api.source import SPLITS, Submission
from clfw.api.task import UNLABELED
from clfw.artifacts.weights_header import Header
from clfw.catalog.detection import find_data, is_known, recorded_data
from clfw.catalog.registry import Entry, Registry
from clfw.config.data_choice import DataChoice, Request, resolve_data
from clfw.data.decoding import decode, silence_pillow
from clfw.data.opening import decode_numbers, open_data, open_table
from clfw.data.pixel_map import PixelMap
from clfw.data.pixels import by_row, refuse_bad
from clfw.data.rows import LEFT_OUT, Rows, require_split, with_classes
from clfw.data.undecodable import bad_lines, drop_undecodable, undecodable_summary
from clfw.errors import DataError, InputMissing, UsageError
from clfw.inference.data_changes import describe_changes, is_training_data
from clfw.io.progress import Progress
from clfw.plugins.manager import Catalog
from clfw.text import escape, plural

DIVIDING = {"validation", "split_seed", "fold", "stratify"}  # keys that divide data anew


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenedPictures:
    """Decoded pictures to predict.

    Attributes:
        images: (N, H, W, C) uint8, more than are asked for.
        positions: (M,) which of them.
        keys: the M names.
        targets: (N,) class indices in the order of the weights; UNLABELED for none.
        errors: what is wrong with a picture, by its place among the M.
        labels: text to write for each class.
        source: "full", "sample" or "files".
        left_out: rows that an exclude list keeps out.
        bad: what is wrong with each picture that is left out because it does not decode.
        pixels: the map that `images` is of; None where they are in memory.
        whole: all rows of data without splits are here.
        changed: a warning where the data is not what the weights were trained on.
    """

    images: NDArray[np.uint8]
    positions: NDArray[np.int64]
    keys: Sequence[str]
    targets: NDArray[np.int64]
    errors: dict[int, str]
    labels: tuple[str, ...]
    source: str
    left_out: int = 0
    bad: tuple[str, ...] = ()
    pixels: PixelMap | None = None
    whole: bool = False
    changed: str = ""
    submission: Submission | None = None

    def require_labels(self) -> None:
        """Raise unless every picture has a label."""
        if (self.targets[self.positions] == UNLABELED).any():
            raise DataError(
                "the split has rows without a label, so there is nothing to compare with",
                hint="use clfw predict",
            )


def other_source(header: Header, source: str) -> str:
    """A warning where weights of the full set meet the sample, or the other way round; else ""."""
    trained_on = str(header.facts["data"].get("source", source))
    if source == "files" or trained_on == source:
        return ""
    return (
        f"warning: the weights were trained on the {trained_on} set, and this is the {source} set"
    )


def other_rows(header: Header, entry: str, opened: OpenedPictures) -> str:
    """A warning where the run left rows of this data out and as many are not left out now; else ""."""
    trained_on = header.facts["data"]
    then = trained_on.get("excluded", 0)
    if opened.source == "files" or trained_on["entry"] != entry or then == opened.left_out:
        return ""
    return (
        f"warning: an exclude list kept {plural(then, 'row')} out of the run, and keeps "
        f"{opened.left_out:,} out here; --set data.exclude=FILE names the list"
    )


def warnings_of(header: Header, entry: str, opened: OpenedPictures) -> list[str]:
    """What a person should know of the pictures before believing a figure of them."""
    bad = f"warning: {undecodable_summary(opened.bad)}" if opened.bad else ""
    source, rows = other_source(header, opened.source), other_rows(header, entry, opened)
    return [warning for warning in (source, rows, opened.changed, bad) if warning]


def data_for(header: Header, request: Request, catalog: Catalog, registry: Registry) -> Entry:
    """The entry or path that `request` names, else what the weights were trained on."""
    if request.data:
        given = parse_settings(request.settings)["data"]
        return find_data(request.data, given, catalog, registry, header.path)
    own, name = recorded_data(header.path), str(header.facts["data"]["entry"])
    if own is None and not is_known(name, catalog, registry):
        raise UsageError(
            f"{escape(str(header.path))}: was trained on '{escape(name)}', which is no data "
            "entry here",
            hint="name the data with --data NAME or --data PATH",
        )
    if own is not None and not os.path.exists(own.path):  # noqa: PTH110  (takes names that no disk can)
        raise InputMissing(
            f"{escape(own.path, 400)} is no longer there, the data that the run was given",
            hint="name the place where it is now with --data PATH",
        )
    return own or registry.find("data", name, catalog)


def open_split(
    header: Header,
    entry: Entry,
    request: Request,
    catalog: Catalog,
    split: str,
    progress: Progress,
    *,
    keep_bad: bool = False,
) -> OpenedPictures:
    """A split of the data `entry`, prepared as in training, with classes in the weights' order.

    A picture that does not decode keeps its place where `keep_bad`; else the data's values decide, and
    data that nobody divided, and that the weights were not trained on, is taken whole.
    """
    choice, own, divided = chosen_data(header, entry, request, catalog)
    opened = open_data(choice, trained_elsewhere=True)
    whole = not divided and not keep_bad and set(opened.rows.table.splits) == {"train"}
    if whole:
        opened = replace(opened, rows=all_in(opened.rows, split))
    require_split(opened.rows, split)
    wanted = opened.rows.of(split)
    rows = with_classes(opened.rows, header.classes, wanted)
    # The splits that a run decodes, so that its cache serves here too, and shows whether they changed.
    labeled = rows.labeled(split)
    splits = [s for s in SPLITS if rows.labeled(s)] if labeled else [split]
    numbers = np.sort(np.concatenate([rows.of(s) for s in splits]))
    store = decode_numbers(opened, numbers, header.preprocess, progress, skip_bad=True)
    faults = by_row(store.faults, numbers)
    changed = describe_changes(header, rows, split, faults, store.digest) if own and labeled else ""
    bad = {row: faults[row] for row in wanted.tolist() if row in faults}
    if not keep_bad:
        if choice.common.on_bad_image == "fail":
            refuse_bad(bad, rows.table)
        rows = drop_undecodable(rows, bad)
        wanted = rows.of(split)
    texts = dict(zip(opened.rows.classes, opened.rows.class_values, strict=True))
    return OpenedPictures(
        images=store.images,
        positions=np.searchsorted(numbers, wanted),
        keys=[rows.table.keys[row] for row in wanted.tolist()],
        targets=rows.targets[numbers],
        errors={p: bad[row] for p, row in enumerate(wanted.tolist()) if row in bad},
        labels=tuple(texts.get(name, name) for name in header.classes),
        source=choice.source,
        left_out=len(rows.left_out),
        bad=bad_lines(rows),
        pixels=store.pixels,
        submission=submission_of(header, opened.rows) if split == "test" else None,
        whole=whole,
        changed=changed,
    )


def chosen_data(
    header: Header, entry: Entry, request: Request, catalog: Catalog
) -> tuple[DataChoice, bool, bool]:
    """The data with its values; whether the weights were trained on it; whether it is divided.

    What they were trained on is divided as it was then, so that the same rows are held out.
    """
    parsed = parse_settings(request.settings)
    for group in parsed.keys() - {"data"}:
        if parsed[group]:
            raise UsageError(
                f"--set {group}: finished weights have their own", hint="only data.KEY can be set"
            )
    given = [Layer("--set", parsed["data"])]
    choice = resolve_data(entry, catalog, given, request)
    own = is_training_data(header, entry.name, open_table(choice)[1])
    if own:
        trained_on = header.facts["data"]
        same = ("validation", "split_seed", "fold", "stratify", "on_bad_image")
        values = {k: trained_on[k] for k in same if k in trained_on}
        choice = resolve_data(entry, catalog, [Layer("weights file", values), *given], request)
    return choice, own, own or bool(DIVIDING & parsed["data"].keys())


def submission_of(header: Header, rows: Rows) -> Submission | None:
    """The layout in which the test split is handed in, if the data has one and all can be written."""
    submission = rows.table.submission
    if submission is None:
        return None
    if any(rows.table.splits[row] == "test" for row in rows.left_out):
        raise UsageError(
            "data.exclude: leaves rows of the test split out, and a submission needs all of them",
            hint="remove the lines of the test split from the list",
        )
    require_texts(header.classes, rows.classes, rows.class_values)
    return submission


def all_in(rows: Rows, split: str) -> Rows:
    """Every row that is not left out, in one split."""
    held = np.where(rows.split == LEFT_OUT, LEFT_OUT, SPLITS.index(split)).astype(np.uint8)
    return replace(rows, split=held)


def open_images(header: Header, paths: Sequence[Path], progress: Progress) -> OpenedPictures:
    """Picture files; one that cannot be read keeps its place, as an error."""
    preprocess = header.preprocess
    shape = (len(paths), preprocess.height, preprocess.width, preprocess.channels)
    images = np.zeros(shape, np.uint8)
    errors: dict[int, str] = {}
    bar = progress("decoding", len(paths))
    for place, path in enumerate(paths):
        try:
            with silence_pillow():
                images[place] = decode(path.read_bytes(), preprocess)
        except DataError as error:
            errors[place] = error.message
        except OSError as error:
            errors[place] = f"cannot be read: {error.strerror}"
        bar.advance(1)
    bar.close()
    return OpenedPictures(
        images=images,
        positions=np.arange(len(paths)),
        keys=[escape(str(path), 400) for path in paths],
        targets=np.full(len(paths), UNLABELED, np.int64),
        errors=errors,
        labels=header.classes,
        source="files",
    )
