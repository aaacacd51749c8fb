"""Drawn pictures as a dataset: drawn all at once when the first one is read."""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clfw import Table
from clfw_plugins.drawn.params import DrawnParams

VERSION = 1  # raise when any picture changes

Draw = Callable[[NDArray[np.int64], int], NDArray[np.uint8]]


class DrawnSource:
    """Balanced classes in a shuffled order; train and test are drawn from different seeds."""

    def __init__(
        self, name: str, classes: tuple[str, ...], draw: Draw, params: DrawnParams
    ) -> None:
        self._name = name
        self._classes = classes
        self._draw = draw
        self._params = params

    @cached_property
    def _labels(self) -> dict[str, NDArray[np.int64]]:
        # Row i's class depends on i alone, so that asking for more rows keeps the first ones.
        return {
            split: np.arange(count) * 7 % len(self._classes)
            for split, count in (("train", self._params.train), ("test", self._params.test))
        }

    @cached_property
    def _pictures(self) -> NDArray[np.uint8]:
        seed = 2 * self._params.drawing_seed
        parts = [
            self._draw(self._labels["train"], seed),
            self._draw(self._labels["test"], seed + 1),
        ]
        return np.concatenate(parts)

    def identity(self) -> str:
        return f"{self._name}/{VERSION}/{self._params.model_dump_json()}"

    def table(self) -> Table:
        rows = [(s, i, int(k)) for s, labels in self._labels.items() for i, k in enumerate(labels)]
        return Table(
            keys=[f"{split}-{i:05d}" for split, i, _ in rows],
            labels=[self._classes[k] for _, _, k in rows],
            splits=[split for split, _, _ in rows],
            stamps=[f"{self.identity()}/{split}/{i}" for split, i, _ in rows],
            places=[f"{self._name}:{split}-{i:05d}" for split, i, _ in rows],
            class_names=self._classes,
        )

    def read(self, row: int) -> Any:
        return self._pictures[row]


def open_garments(params: DrawnParams, path: Path | None) -> DrawnSource:
    """Garments of the ten Fashion-MNIST classes."""
    from clfw_plugins.drawn.garments import CLASSES, draw_garments

    return DrawnSource("drawn_garments", CLASSES, draw_garments, params)
