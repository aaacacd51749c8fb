"""Decoded pictures for the benchmarks, through clfw's own data path."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clfw.api.params import Layer
from clfw.api.preprocess import Preprocess
from clfw.api.task import Task
from clfw.catalog.registry import Registry, read_registry
from clfw.config.data_choice import Request, resolve_data
from clfw.data.negotiation import natural_preprocess
from clfw.data.opening import OpenedDataset, decode_splits, open_data
from clfw.io.progress import no_progress
from clfw.plugins.manager import Catalog, installed_catalog


@dataclass(frozen=True, kw_only=True, slots=True)
class Decoded:
    """Some pictures of one split.

    Attributes:
        pixels: (N, H, W, C) uint8.
        targets: (N,) int64.
        source: "full", or "sample" where the full set is not at hand.
    """

    pixels: NDArray[np.uint8]
    targets: NDArray[np.int64]
    preprocess: Preprocess
    task: Task
    source: str

    def first(self, count: int) -> "Decoded":
        """The first `count`; a small sample is repeated until there are so many."""
        index = np.arange(count) % len(self.targets)
        return Decoded(
            pixels=self.pixels[index],
            targets=self.targets[index],
            preprocess=self.preprocess,
            task=self.task,
            source=self.source,
        )

    def told(self, entry: str) -> str:
        """The data in words."""
        whose = "" if self.source == "full" else " (bundled sample, repeated)"
        return f"{len(self.targets):,} pictures of {entry}{whose}"


def installed() -> tuple[Catalog, Registry]:
    """What names are looked up in."""
    return installed_catalog(), read_registry()


def opened_data(entry: str, folder: Path | None, **values: object) -> OpenedDataset:
    """A data entry with its rows checked and nothing decoded; `values` are of its data group."""
    catalog, registry = installed()
    request = Request(data=entry, data_folder=folder)
    found = registry.find("data", entry, catalog)
    return open_data(resolve_data(found, catalog, [Layer("--set", values)], request))


def decoded(entry: str, folder: Path | None, split: str = "train", **values: object) -> Decoded:
    """Every picture of a split."""
    opened = opened_data(entry, folder, **values)
    preprocess = natural_preprocess(opened, opened.choice.common)
    splits = tuple(dict.fromkeys(("train", split)))  # the normalisation is the training split's
    pictures = decode_splits(opened, preprocess, splits, no_progress)
    where = pictures.where(split)
    settled = pictures.preprocess
    return Decoded(
        pixels=np.ascontiguousarray(pictures.images[where]),
        targets=pictures.targets[where],
        preprocess=settled,
        task=Task(
            classes=opened.rows.classes,
            channels=settled.channels,
            height=settled.height,
            width=settled.width,
        ),
        source=opened.choice.source,
    )
