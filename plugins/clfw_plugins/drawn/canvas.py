"""The 28 x 28 canvas of the drawn pictures: random draws, poses, shapes, fabrics and finishing."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

SIDE = 28
CENTRE = (SIDE - 1) / 2

# Pictures painted at one go: few enough for the working arrays to stay in the processor's cache.
BATCH = 96

# All float arrays here hold float32; the wider type spares a cast after each operation.
Floats = npt.NDArray[np.floating[Any]]
Mask = npt.NDArray[np.bool_]
Words = npt.NDArray[np.uint64]
Value = float | Floats
Range = tuple[float, float]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def _scramble(words: Words) -> Words:
    """Hash 64-bit words one by one with the SplitMix64 finaliser."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


class Draws:
    """Random draws for n pictures; those of a picture depend on its own seed, row and label only.

    Each draw hashes (seed, row, label, number of the draw), so every method must be called in the
    same order for all pictures of a class. Results have shape (n, *shape), dtype float32 or bool.
    """

    def __init__(self, seed: int, rows: npt.NDArray[np.int64], label: int) -> None:
        start = np.full(len(rows), seed % 2**64, dtype=np.uint64)
        for part in (rows.astype(np.uint64), np.full(len(rows), label, dtype=np.uint64)):
            start = _scramble(start + _GOLDEN) ^ part
        self._start = _scramble(start + _GOLDEN)
        self._drawn = 0

    def __len__(self) -> int:
        return len(self._start)

    def _words(self, shape: tuple[int, ...]) -> Words:
        size = math.prod(shape)
        counters = np.arange(self._drawn + 1, self._drawn + size + 1, dtype=np.uint64)
        self._drawn += size
        words = _scramble(self._start[:, None] + counters * _GOLDEN)
        return words.reshape(len(self), *shape)

    def uniform(self, low: Value, high: Value, *shape: int) -> Floats:
        """Draw evenly from [low, high); the bounds may differ from picture to picture."""
        unit = (self._words(shape) >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-24)
        drawn: Floats = (low + (high - low) * unit).astype(np.float32)
        return drawn

    def bell(self, spread: float, *shape: int) -> Floats:
        """Draw around 0 with standard deviation `spread`, never further out than 3.5 of them."""
        # Four 16-bit parts of a word added up: close to a normal law, and, unlike a logarithm
        # or a cosine, the same to the last bit on every machine.
        parts = np.ascontiguousarray(self._words(shape)).view(np.uint16)
        total = parts.reshape(len(self), *shape, 4).sum(axis=-1, dtype=np.int64) - 131070
        drawn: Floats = (total * (spread / 37837.2)).astype(np.float32)
        return drawn

    def chance(self, probability: Value) -> Mask:
        """Draw True with the given probability."""
        drawn: Mask = self.uniform(0, 1) < probability
        return drawn


def points(across: Sequence[Value], down: Sequence[Value]) -> Floats:
    """Build K points, (n, K, 2), from their K x and K y, each a number or an (n,) array."""
    flat = np.broadcast_arrays(*(np.atleast_1d(value) for value in (*across, *down)))
    stacked = np.stack([flat[: len(across)], flat[len(across) :]], axis=-1)
    return stacked.swapaxes(0, 1).astype(np.float32)


def mirrored(shape: Floats) -> Floats:
    """Return control points (n, K, 2) reflected to the other side of the vertical axis."""
    return shape * np.array([-1, 1], dtype=np.float32)


def curve(controls: Floats, steps: int) -> Floats:
    """Sample a Catmull-Rom curve through (n, K, 2) controls; a control given twice is a corner."""
    padded = np.concatenate([controls[:, :1], controls, controls[:, -1:]], axis=1)
    before, start, end, after = (padded[:, k : k + controls.shape[1] - 1] for k in range(4))
    samples = []
    for t in np.arange(steps, dtype=np.float32) / steps:
        bend = 2 * before - 5 * start + 4 * end - after
        swing = 3 * (start - end) + after - before
        samples.append(start + 0.5 * t * ((end - before) + t * (bend + t * swing)))
    flat = np.stack(samples, axis=2).reshape(len(controls), -1, 2)
    return np.concatenate([flat, controls[:, -1:]], axis=1)


def _nearest(start: Floats, end: Floats) -> tuple[Floats, Floats]:
    """Return squared distances from all pixels to n segments and the place along each (0 to 1)."""
    grid = np.arange(SIDE, dtype=np.float32)
    right = grid[None, None, :] - start[:, 0, None, None]
    down = grid[None, :, None] - start[:, 1, None, None]
    run = (end - start)[:, 0, None, None]
    drop = (end - start)[:, 1, None, None]
    square = run * run + drop * drop + np.float32(1e-6)
    along = right * (run / square) + down * (drop / square)
    np.clip(along, 0, 1, out=along)
    across = right - along * run
    above = down - along * drop
    across *= across
    above *= above
    across += above
    return across, along


def polygon_distance(corners: Floats) -> Floats:
    """Return (n, 28, 28) signed pixel distances, negative inside, to closed (n, K, 2) polygons."""
    grid = np.arange(SIDE, dtype=np.float32)
    closest = np.full((len(corners), SIDE, SIDE), 1e6, dtype=np.float32)
    inside = np.zeros(closest.shape, dtype=bool)
    for k in range(corners.shape[1]):
        start, end = corners[:, k - 1], corners[:, k]
        np.minimum(closest, _nearest(start, end)[0], out=closest)
        (x0, y0), (x1, y1) = start.T[:, :, None], end.T[:, :, None]
        spans = (y0 > grid) != (y1 > grid)
        rise = np.where(y1 == y0, np.float32(1), y1 - y0)
        crossing = np.where(spans, x0 + (grid - y0) / rise * (x1 - x0), np.float32(-1))
        inside ^= grid < crossing[:, :, None]
    distance = np.sqrt(closest)
    return np.where(inside, -distance, distance)


def stroke_distance(path: Floats, first: Value, last: Value) -> Floats:
    """Return (n, 28, 28) distances to open (n, K, 2) paths, less a radius going first to last."""
    edges = path.shape[1] - 1
    first, last = (np.reshape(np.asarray(r, np.float32), (-1, 1, 1)) for r in (first, last))
    closest = np.full((len(path), SIDE, SIDE), 1e6, dtype=np.float32)
    for k in range(edges):
        square, along = _nearest(path[:, k], path[:, k + 1])
        radius = first + (last - first) * ((along + k) / edges)
        np.minimum(closest, np.sqrt(square) - radius, out=closest)
    return closest


class Pose:
    """Where n pictures put their subject: its own frame turned, slanted, scaled and shifted.

    The subject's frame has its origin at the picture's centre, x to the right and y down, one
    unit to the pixel before scaling.
    """

    def __init__(
        self,
        draws: Draws,
        *,
        turn: float,
        slant: float,
        shift: float,
        scale: Range,
        stretch: float = 0.08,
        flipped: float = 0.0,
    ) -> None:
        """Draw the poses: `turn` is a spread in degrees, `slant` one of the shear x by y.

        `shift` is the furthest move in pixels along each axis, `scale` the range of sizes,
        `stretch` how far width and height may each depart from it, `flipped` the probability of
        a mirror image.
        """
        # Sine and cosine from the half angle's tangent, about half the angle when that is small:
        # plain arithmetic gives the same bits on every machine, where np.sin may not.
        tangent = draws.bell(math.radians(turn) / 2)
        cosine = (1 - tangent * tangent) / (1 + tangent * tangent)
        sine = 2 * tangent / (1 + tangent * tangent)
        size = draws.uniform(*scale)
        wide = size * draws.uniform(1 - stretch, 1 + stretch)
        wide = np.where(draws.chance(flipped), -wide, wide)
        tall = size * draws.uniform(1 - stretch, 1 + stretch)
        lean = draws.bell(slant)
        over, down = cosine * lean - sine, sine * lean + cosine
        self._matrix = np.array([[cosine * wide, over * tall], [sine * wide, down * tall]])
        self._shift = draws.uniform(-shift, shift, 2) + np.float32(CENTRE)

    def place(self, shape: Floats) -> Floats:
        """Carry control points (n, K, 2) from the subject's frame to pixels."""
        (a, b), (c, d) = self._matrix[..., None]
        x, y = shape[..., 0], shape[..., 1]
        turned: Floats = np.stack([a * x + b * y, c * x + d * y], axis=-1)
        return turned + self._shift[:, None, :]

    def frame(self) -> tuple[Floats, Floats]:
        """Return the pixels' x and y in the subject's frame, (n, 28, 28) each."""
        (a, b), (c, d) = self._matrix[..., None, None]
        grid = np.arange(SIDE, dtype=np.float32)
        right = grid[None, None, :] - self._shift[:, 0, None, None]
        down = grid[None, :, None] - self._shift[:, 1, None, None]
        scale = a * d - b * c
        return right * (d / scale) - down * (b / scale), down * (a / scale) - right * (c / scale)


class Canvas:
    """n black pictures in the making: `picture` is (n, 28, 28) float32, 0 black to 1 white."""

    def __init__(self, pose: Pose, count: int) -> None:
        self.pose = pose
        self.picture = np.zeros((count, SIDE, SIDE), dtype=np.float32)

    def cover(self, distance: Floats, tone: Value, where: Mask | None = None) -> None:
        """Paint `tone`, (n, 28, 28), (n,) or a number, wherever the pixel distance is negative."""
        share = np.clip(np.float32(0.5) - distance, 0, 1)
        if where is not None:
            share *= where[:, None, None]
        self.picture += share * (_per_pixel(tone) - self.picture)

    def fill(self, corners: Floats, tone: Value, where: Mask | None = None) -> None:
        """Paint the closed polygon (n, K, 2) given in the subject's frame."""
        self.cover(polygon_distance(self.pose.place(corners)), tone, where)

    def trace(self, path: Floats, radius: Value, tone: Value, where: Mask | None = None) -> None:
        """Paint the open path (n, K, 2) given in the subject's frame, 2 `radius` pixels wide."""
        self.cover(stroke_distance(self.pose.place(path), radius, radius), tone, where)


def _per_pixel(value: Value) -> Floats:
    """Shape a number, (n,) or (n, 28, 28) values for use with (n, 28, 28) pictures."""
    array = np.asarray(value, dtype=np.float32)
    return array if array.ndim == 3 else array.reshape(-1, 1, 1)


def clouds(draws: Draws, cells: int) -> Floats:
    """Return (n, 28, 28) smooth random fields of standard deviation about 0.6, `cells` wide."""
    knots = draws.bell(1, cells + 1, cells + 1)
    position = np.arange(SIDE, dtype=np.float32) * np.float32(cells / SIDE)
    weights = np.clip(1 - np.abs(position[:, None] - np.arange(cells + 1)), 0, 1).astype(np.float32)
    # Sums spelt out, since the order in which a matrix product adds differs between machines.
    rows: Floats = sum(knots[:, k, None] * weights[:, k, None] for k in range(cells + 1))
    field: Floats = sum(rows[:, :, k, None] * weights[:, k] for k in range(cells + 1))
    return field


def _waves(draws: Draws, position: Floats, spacing: Range) -> Floats:
    """Return flattened triangle waves from -1 to 1 along `position`, `spacing` pixels apart."""
    turns = position / draws.uniform(*spacing, 1, 1) + draws.uniform(0, 1, 1, 1)
    waves: Floats = np.clip(8 * np.abs(turns - np.floor(turns) - 0.5) - 2, -1, 1)
    return waves


def weave(draws: Draws, pose: Pose, *, bands: float, stripes: float, spacing: Range) -> Floats:
    """Return (n, 28, 28) fabrics from 0.08 to 1: a shade, light from one side, folds, a pattern.

    `bands` and `stripes` are the probabilities of a pattern across and along the subject.
    """
    x, y = pose.frame()
    tilt = draws.bell(0.018, 2, 1, 1)
    light = 1 + tilt[:, 0] * x + tilt[:, 1] * y
    light += draws.uniform(0.03, 0.15, 1, 1) * clouds(draws, 7)
    for position, likely in ((y, bands), (x, stripes)):
        contrast = draws.uniform(0.2, 0.5) * draws.chance(likely)
        light *= 1 + contrast[:, None, None] * _waves(draws, position, spacing)
    return np.clip(draws.uniform(0.28, 1.0, 1, 1) * light, 0.08, 1)


def soften(picture: Floats, amount: Floats) -> Floats:
    """Blur (n, 28, 28) pictures with the three-tap kernel (a, 1 - 2a, a) both ways; a is (n,)."""
    share = amount[:, None, None]
    padded = np.pad(picture, ((0, 0), (1, 1), (1, 1)))
    padded += share * (np.roll(padded, 1, axis=1) + np.roll(padded, -1, axis=1) - 2 * padded)
    padded += share * (np.roll(padded, 1, axis=2) + np.roll(padded, -1, axis=2) - 2 * padded)
    return padded[:, 1:-1, 1:-1]


Painter = Callable[[Draws], Floats]


def render(labels: npt.ArrayLike, seed: int, painters: Sequence[Painter]) -> npt.NDArray[np.uint8]:
    """Let painter k draw the pictures labelled k; return (N, 28, 28) uint8, 0 black to 255 white.

    A painter gets the draws of n pictures and returns them as (n, 28, 28), 0 black to 1 white.
    """
    classes = np.asarray(labels, dtype=np.int64)
    if classes.ndim != 1 or np.any((classes < 0) | (classes >= len(painters))):
        raise ValueError(f"labels must be one row of integers from 0 to {len(painters) - 1}")
    pictures = np.zeros((len(classes), SIDE, SIDE), dtype=np.uint8)
    for label, paint in enumerate(painters):
        rows = np.flatnonzero(classes == label)
        for first in range(0, len(rows), BATCH):
            batch = rows[first : first + BATCH]
            light = np.clip(paint(Draws(seed, batch, label)), 0, 1)
            pictures[batch] = np.rint(light * 255).astype(np.uint8)
    return pictures
