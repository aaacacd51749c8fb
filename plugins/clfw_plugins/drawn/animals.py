"""Drawn colour animals: the ten of the animals task, ants and bees, and cats, dogs and pandas."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clfw_plugins.drawn.backdrops import backdrop, exposed, foreground
from clfw_plugins.drawn.bodies import paint_body
from clfw_plugins.drawn.crawlers import paint_insect, paint_spider
from clfw_plugins.drawn.faces import paint_face
from clfw_plugins.drawn.fliers import paint_butterfly, paint_chicken
from clfw_plugins.drawn.scene import Draws, Scene

CLASSES = (
    "butterfly",
    "cat",
    "chicken",
    "cow",
    "dog",
    "elephant",
    "horse",
    "sheep",
    "spider",
    "squirrel",
)
INSECTS = ("ants", "bees")
THREE = ("cats", "dogs", "panda")

# The ways one kind may be painted, each with its share of the pictures.
Views = Sequence[tuple[float, Callable[[Scene], None]]]

# Pixels painted at one go: few enough for the working arrays to stay in the processor's cache.
_BATCH_PIXELS = 16 * 64 * 64


def _mammal(kind: str, front: float) -> Views:
    """A four-legged animal, seen from the front in a share of its pictures."""
    return (1.0 - front, partial(paint_body, kind=kind)), (front, partial(paint_face, kind=kind))


# Every kind's home, a key of HOMES, and its views.
_KINDS: dict[str, tuple[str, Views]] = {
    "butterfly": ("wood", ((1.0, paint_butterfly),)),
    "cat": ("house", _mammal("cat", 0.5)),
    "chicken": ("yard", ((1.0, paint_chicken),)),
    "cow": ("meadow", _mammal("cow", 0.15)),
    "dog": ("house", _mammal("dog", 0.5)),
    "elephant": ("steppe", _mammal("elephant", 0.2)),
    "horse": ("meadow", _mammal("horse", 0.12)),
    "sheep": ("meadow", _mammal("sheep", 0.15)),
    "spider": ("wood", ((1.0, paint_spider),)),
    "squirrel": ("wood", _mammal("squirrel", 0.12)),
    "ants": ("wood", ((1.0, partial(paint_insect, kind="ants")),)),
    "bees": ("wood", ((1.0, partial(paint_insect, kind="bees")),)),
    "panda": ("wood", _mammal("panda", 0.5)),
}


def draw_animals(labels: ArrayLike, seed: int, side: int = 64) -> NDArray[np.uint8]:
    """Draw animals on natural backdrops.

    labels: (N,) integers in 0..9, places in CLASSES. Returns uint8 RGB (N, side, side, 3). Picture
    i depends only on (seed, i, labels[i], side).
    """
    return _draw(CLASSES, labels, seed, side)


def draw_insects(labels: ArrayLike, seed: int, side: int = 64) -> NDArray[np.uint8]:
    """Draw ants and bees on natural backdrops and flowers.

    labels: (N,) integers in 0..1, places in INSECTS. Returns uint8 RGB (N, side, side, 3). Picture
    i depends only on (seed, i, labels[i], side).
    """
    return _draw(INSECTS, labels, seed, side)


def draw_three_animals(labels: ArrayLike, seed: int, side: int = 64) -> NDArray[np.uint8]:
    """Draw cats, dogs and pandas on natural backdrops.

    labels: (N,) integers in 0..2, places in THREE. Returns uint8 RGB (N, side, side, 3). Picture
    i depends only on (seed, i, labels[i], side).
    """
    return _draw(("cat", "dog", "panda"), labels, seed, side)


def _draw(kinds: Sequence[str], labels: ArrayLike, seed: int, side: int) -> NDArray[np.uint8]:
    """Paint every row by a view of its kind, few rows at a time."""
    wanted = np.asarray(labels)
    if wanted.ndim != 1 or not np.isin(wanted, np.arange(len(kinds))).all():
        raise ValueError(f"labels must be (N,) integers in 0..{len(kinds) - 1}")
    pictures = np.empty((len(wanted), side, side, 3), np.uint8)
    step = max(1, _BATCH_PIXELS // side**2)
    for label, kind in enumerate(kinds):
        home, views = _KINDS[kind]
        rows = np.flatnonzero(wanted == label)
        chosen = Draws(seed, 2, rows).kind([share for share, _ in views])[:, 0]
        for index, (_, paint) in enumerate(views):
            mine = rows[chosen == index]
            for first in range(0, len(mine), step):
                batch = mine[first : first + step]
                pictures[batch] = _painted(paint, home, batch, seed, side)
    return pictures


def _painted(
    paint: Callable[[Scene], None], home: str, rows: NDArray[np.intp], seed: int, side: int
) -> NDArray[np.uint8]:
    """The pictures of some rows that share one view: uint8 (n, side, side, 3)."""
    scene = Scene(Draws(seed, 1, rows), backdrop(Draws(seed, 0, rows), side, home), side)
    paint(scene)
    foreground(scene)
    return exposed(scene)
