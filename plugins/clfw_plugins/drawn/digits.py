"""Handwritten-looking digits: pen strokes bent, leaned and shifted anew for every picture."""

from functools import partial

import numpy as np
import numpy.typing as npt

from clfw_plugins.drawn.canvas import (
    SIDE,
    Canvas,
    Draws,
    Floats,
    Painter,
    Pose,
    clouds,
    curve,
    render,
    soften,
    stroke_distance,
)

CLASSES = ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")

Stroke = tuple[tuple[float, float], ...]

# The ways of writing each digit. A way is one or two strokes of control points, x to the right
# and y down from the digit's centre; a point given twice is a corner. All ways of a digit have
# strokes of equal length, so that pictures can pick among them by index: a stroke that a way
# does without is shrunk to a point that another stroke passes over.
_WAYS: tuple[tuple[tuple[Stroke, ...], ...], ...] = (
    (  # 0: round, narrow, and begun at the upper right with a tail
        (((1, -9), (-4, -7), (-6, 0), (-4, 7), (0, 9), (4, 7), (6, 0), (4, -7), (0, -9)),),
        (((0, -9), (-3, -6), (-4, 0), (-3, 7), (0, 9), (3, 6), (4, 0), (3, -7), (0, -9)),),
        (((3, -8), (-3, -7), (-6, 0), (-4, 7), (1, 8), (5, 3), (5, -4), (2, -8), (-1, -6)),),
    ),
    (  # 1: a bare stroke, one with a flag, one with a flag and a foot
        (((0, -9), (0, -9), (0, -9), (0, 0), (0, 9)), ((0, 9), (0, 9))),
        (((-4, -5), (0, -9), (0, -9), (0, 0), (0, 9)), ((0, 9), (0, 9))),
        (((-4, -6), (0, -9), (0, -9), (0, 0), (0, 9)), ((-4, 9), (4, 9))),
    ),
    (  # 2: with a corner, with a loop, with a wide flat foot
        (((-5, -5), (-1, -9), (4, -7), (4, -2), (-1, 4), (-5, 9), (-5, 9), (0, 9), (6, 9)),),
        (((-5, -6), (0, -9), (4, -6), (2, 1), (-3, 8), (-6, 7), (-4, 5), (1, 8), (6, 8)),),
        (((-4, -7), (1, -9), (5, -6), (3, -1), (-2, 4), (-6, 8), (-6, 8), (1, 7), (6, 9)),),
    ),
    (  # 3: two bows, flat at the top, with a small waist loop
        (((-5, -7), (0, -9), (4, -6), (3, -2), (-1, -1), (4, 1), (5, 5), (1, 9), (-5, 7)),),
        (((-5, -9), (4, -9), (4, -9), (0, -2), (0, -2), (5, 1), (5, 6), (0, 9), (-5, 7)),),
        (((-4, -8), (2, -9), (4, -6), (1, -1), (-2, 0), (2, 0), (5, 4), (1, 9), (-5, 8)),),
    ),
    (  # 4: open, closed like a sail, square
        (((-4, -9), (-5, 0), (-5, 1), (-5, 1), (6, 1)), ((4, -8), (3, 0), (3, 9))),
        (((3, -9), (-6, 2), (-6, 2), (-2, 2), (6, 2)), ((3, -9), (3, 0), (2, 9))),
        (((-4, -8), (-5, -1), (-1, 1), (3, 0), (4, -1)), ((5, -9), (4, 0), (3, 9))),
    ),
    (  # 5: angular, round without a corner, with a slack belly
        (
            ((-4, -9), (-4, -9), (-4, -1), (-4, -1), (2, -2), (5, 3), (2, 9), (-5, 7)),
            ((-4, -9), (5, -9)),
        ),
        (
            ((5, -9), (-2, -8), (-4, -5), (-3, -2), (2, -1), (4, 4), (0, 9), (-5, 8)),
            ((5, -9), (5, -9)),
        ),
        (
            ((-3, -8), (-3, -8), (-4, -2), (-4, -2), (3, 1), (4, 5), (0, 8), (-5, 9)),
            ((-3, -8), (4, -9)),
        ),
    ),
    (  # 6: a long stem, a curled one, a big bowl
        (((3, -9), (-2, -5), (-5, 1), (-4, 7), (0, 9), (4, 6), (3, 2), (-1, 1), (-4, 4)),),
        (((4, -8), (0, -9), (-4, -4), (-5, 4), (-1, 9), (4, 6), (4, 1), (0, 0), (-4, 4)),),
        (((1, -9), (-3, -4), (-5, 2), (-3, 8), (2, 9), (5, 4), (2, 0), (-2, 0), (-5, 4)),),
    ),
    (  # 7: plain, with a bar, with a hook and a bent back
        (((-5, -8), (-5, -8), (5, -8), (5, -8), (1, 0), (-2, 9)), ((1, 0), (1, 0))),
        (((-5, -8), (-5, -8), (5, -9), (5, -9), (1, 0), (-2, 9)), ((-3, 0), (5, 0))),
        (((-5, -5), (-5, -8), (4, -8), (4, -8), (2, 0), (2, 9)), ((2, 0), (2, 0))),
    ),
    (  # 8: from the top, from the upper right, with a small head
        (((0, -9), (-4, -6), (0, -1), (4, 4), (0, 9), (-4, 4), (0, -1), (4, -6), (0, -9)),),
        (((4, -7), (0, -9), (-4, -6), (0, -1), (4, 4), (1, 9), (-4, 6), (0, 0), (4, -6)),),
        (((1, -9), (-2, -6), (-1, -2), (4, 3), (1, 9), (-4, 6), (-3, 1), (2, -4), (2, -8)),),
    ),
    (  # 9: with a straight stem, a hooked tail, a slack open head
        (((4, -6), (0, -9), (-4, -6), (-3, -1), (1, -1), (4, -6), (4, -6), (4, 1), (3, 9)),),
        (((4, -6), (0, -9), (-4, -5), (-2, -1), (2, -2), (4, -6), (5, 2), (2, 9), (-4, 8)),),
        (((3, -8), (-1, -9), (-5, -5), (-3, -1), (2, -2), (4, -8), (4, -3), (2, 3), (0, 9)),),
    ),
)


def _paint_digit(ways: tuple[tuple[Stroke, ...], ...], draws: Draws) -> Floats:
    """Write one digit n times, each picture picking its own way of writing; (n, 28, 28)."""
    pose = Pose(draws, turn=8, slant=0.22, shift=2.2, scale=(0.85, 1.15), stretch=0.12)
    canvas = Canvas(pose, len(draws))
    choice = draws.uniform(0, len(ways)).astype(np.int64)
    pen = draws.uniform(0.55, 1.8)
    pressure = draws.uniform(0.7, 1.3)
    ink = draws.uniform(0.6, 1.1, 1, 1) + 0.15 * clouds(draws, 4)
    narrow = draws.uniform(0.75, 1.15)
    tremor = draws.uniform(0.4, 1.35)
    for number in range(len(ways[0])):
        path = np.array([way[number] for way in ways], dtype=np.float32)[choice]
        written = np.any(path != path[:, :1], axis=(1, 2))
        path = _tremble(path, draws, tremor)
        path[:, :, 0] *= narrow[:, None]
        line = pose.place(curve(path, 3))
        canvas.cover(stroke_distance(line, pen * pressure, pen / pressure), ink, written)
    return _scan(canvas, draws)


def _tremble(path: Floats, draws: Draws, tremor: Floats) -> Floats:
    """Shift every control point of (n, K, 2) paths by itself, but those of a corner together."""
    shifts = draws.bell(1, *path.shape[1:]) * tremor[:, None, None]
    for k in range(1, path.shape[1]):
        repeated = np.all(path[:, k] == path[:, k - 1], axis=1)
        shifts[repeated, k] = shifts[repeated, k - 1]
    return path + shifts


def _scan(canvas: Canvas, draws: Draws) -> Floats:
    """Return the written pictures as a scanner sees them: stray marks, blur, gaps and noise."""
    stray = draws.uniform(-13, 13, 1, 2) + draws.bell(4, 2, 2)
    canvas.trace(stray, 0.5, draws.uniform(0.3, 0.8), draws.chance(0.12))
    gap = draws.uniform(-8, 8, 1, 2) + draws.bell(5, 2, 2)
    canvas.trace(gap, 0.9, 0.0, draws.chance(0.12))
    picture = soften(canvas.picture, draws.uniform(0.0, 0.22))
    noise = draws.uniform(0.0, 0.08, 1, 1)
    return picture + noise * draws.bell(1, SIDE, SIDE)


_PAINTERS: tuple[Painter, ...] = tuple(partial(_paint_digit, ways) for ways in _WAYS)


def draw_digits(labels: npt.ArrayLike, seed: int) -> npt.NDArray[np.uint8]:
    """Draw a handwritten-looking digit for each label.

    `labels` are (N,) integers from 0 to 9. Picture i depends on the seed, i and labels[i] alone.
    Returns (N, 28, 28) uint8, light strokes on black, 0 to 255.
    """
    return render(labels, seed, _PAINTERS)
