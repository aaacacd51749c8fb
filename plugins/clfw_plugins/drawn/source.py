"""Drawn pictures as a dataset: drawn all at once when the first one is read."""

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
SPLIT_SEEDS = {"train": 0, "test": 1, "validation": 2}
STEP = 7  # from one row's class to the next; no number of classes here is a multiple of it


class DrawnSource:
    """Balanced classes in a mixed order; each split is drawn from a seed of its own."""

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
        self._lock = threading.Lock()
        self._pictures: NDArray[np.uint8] | None = None

    @cached_property
    def _labels(self) -> dict[str, NDArray[np.int64]]:
        # Row i's class depends on i alone, so that asking for more rows keeps the first ones.
        return {
            split: np.arange(count) * STEP % len(self._classes)
            for split, count in self._counts.items()
            if count
        }

    def _drawn(self) -> NDArray[np.uint8]:
        with self._lock:  # decoding threads all ask at once, and one is to draw
            if self._pictures is None:
                first = len(SPLIT_SEEDS) * self._params.drawing_seed
                parts = [
                    self._draw(labels, first + SPLIT_SEEDS[split])
                    for split, labels in self._labels.items()
                ]
                self._pictures = np.concatenate(parts)
            return self._pictures

    @cached_property
    def _stamp(self) -> str:
        return f"{self._name}/{drawing_digest()}/{self._params.model_dump_json()}"

    def identity(self) -> str:
        return self._stamp

    def table(self) -> Table:
        rows = [(s, i, int(k)) for s, labels in self._labels.items() for i, k in enumerate(labels)]
        return Table(
            keys=[f"{split}-{i:05d}" for split, i, _ in rows],
            labels=[self._classes[k] for _, _, k in rows],
            splits=[split for split, _, _ in rows],
            stamps=[f"{self._stamp}/{split}/{i}" for split, i, _ in rows],
            places=[f"{self._name}:{split}-{i:05d}" for split, i, _ in rows],
            class_names=self._classes,
        )

    def read(self, row: int) -> NDArray[np.uint8]:
        picture: NDArray[np.uint8] = self._drawn()[row]
        return picture


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
