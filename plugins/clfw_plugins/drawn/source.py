"""Drawn pictures as a dataset: the bundled samples."""

import hashlib
import threading
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clfw import Table
from clfw_plugins.drawn.params import DrawnAnimalsParams, DrawnInsectsParams, DrawnParams

Draw = Callable[[NDArray[np.int64], int], NDArray[np.uint8]]
SPLIT_NUMBERS = {"train": 0, "validation": 1, "test": 2}
BLOCK = 256  # pictures drawn at one go, each block from a seed of its own
BLOCKS = 2**20 // BLOCK  # of a split at most


class DrawnSource:
    """The classes in turn, drawn in blocks when the first picture of one is read.

    A row's class and picture depend on its number alone, so that asking for more rows keeps the
    first ones. Blocks are drawn side by side by the threads that read.
    """

    def __init__(
        self,
        name: str,
        classes: tuple[str, ...],
        draw: Draw,
        params: DrawnParams,
        validation: int = 0,
    ) -> None:
        self._name = name
        self._classes = classes
        self._draw = draw
        self._params = params
        self._counts = {"train": params.train, "validation": validation, "test": params.test}
        self._blocks: dict[int, NDArray[np.uint8]] = {}
        self._locks: dict[int, threading.Lock] = {}

    def _labels(self, split: str) -> NDArray[np.int64]:
        return np.arange(self._counts[split]) % len(self._classes)

    def _drawn(self, split: str, block: int) -> NDArray[np.uint8]:
        number = SPLIT_NUMBERS[split] * BLOCKS + block
        with self._locks.setdefault(number, threading.Lock()):
            if number not in self._blocks:
                seed = self._params.drawing_seed * len(SPLIT_NUMBERS) * BLOCKS + number
                labels = self._labels(split)[block * BLOCK : (block + 1) * BLOCK]
                self._blocks[number] = self._draw(labels, seed)
            return self._blocks[number]

    @cached_property
    def _stamp(self) -> str:
        return f"{self._name}/{drawing_digest()}/{self._params.model_dump_json()}"

    def identity(self) -> str:
        return self._stamp

    def table(self) -> Table:
        rows = [
            (split, i, int(k)) for split in self._counts for i, k in enumerate(self._labels(split))
        ]
        return Table(
            keys=[f"{split}-{i:05d}" for split, i, _ in rows],
            labels=[self._classes[k] for _, _, k in rows],
            splits=[split for split, _, _ in rows],
            versions=[f"{self._stamp}/{split}/{i}" for split, i, _ in rows],
            locations=[f"{self._name}:{split}-{i:05d}" for split, i, _ in rows],
            class_names=self._classes,
        )

    def read(self, row: int) -> NDArray[np.uint8]:
        for split, count in self._counts.items():
            if row < count:
                picture: NDArray[np.uint8] = self._drawn(split, row // BLOCK)[row % BLOCK]
                return picture
            row -= count
        raise IndexError(row)


def drawing_digest() -> str:
    """Hash of the drawing code: nobody has to remember to raise a version when a line changes."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def open_garments(params: DrawnParams, path: Path | None) -> DrawnSource:
    """Garments of the ten Fashion-MNIST classes."""
    from clfw_plugins.drawn.garments import CLASSES, draw_garments

    return DrawnSource("drawn_garments", CLASSES, draw_garments, params)


def open_digits(params: DrawnParams, path: Path | None) -> DrawnSource:
    """Handwritten-looking digits."""
    from clfw_plugins.drawn.digits import CLASSES, draw_digits

    return DrawnSource("drawn_digits", CLASSES, draw_digits, params)


def open_animals(params: DrawnAnimalsParams, path: Path | None) -> DrawnSource:
    """Ten kinds of animals in colour."""
    from clfw_plugins.drawn.animals import CLASSES, draw_animals

    draw = partial(draw_animals, side=params.side)
    return DrawnSource("drawn_animals", CLASSES, draw, params)


def open_three_animals(params: DrawnAnimalsParams, path: Path | None) -> DrawnSource:
    """Cats, dogs and pandas in colour."""
    from clfw_plugins.drawn.animals import THREE, draw_three_animals

    draw = partial(draw_three_animals, side=params.side)
    return DrawnSource("drawn_three_animals", THREE, draw, params)


def open_insects(params: DrawnInsectsParams, path: Path | None) -> DrawnSource:
    """Ants and bees in colour, with a validation split."""
    from clfw_plugins.drawn.animals import INSECTS, draw_insects

    draw = partial(draw_insects, side=params.side)
    return DrawnSource(
        "drawn_insects", INSECTS, draw, params, validation=params.validation_pictures
    )
