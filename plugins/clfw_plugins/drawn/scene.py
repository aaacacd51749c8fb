"""Colour scenes: per-row random draws, a placed frame with its shapes, and the painted image."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# A Field holds one value per picture (n, 1) or per pixel (n, side * side), float32 or bool. A
# Point is one place, or complex64 (n, 1) with one per picture: real is right, imaginary is up. A
# Colour is float32 (3, n, 1) or (3, n, side * side): red, green and blue in 0..1.
Field = NDArray[Any]
Point = complex | NDArray[Any]
Color = NDArray[Any]
Number = float | Field

_WORD = 2**64 - 1
_STEP = 0x9E3779B97F4A7C15


def _mix(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scramble 64-bit words (the splitmix64 finaliser)."""
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


class Draws:
    """Random numbers of some rows; the k-th draw of a row is a hash of (seed, stream, row, k)."""

    def __init__(self, seed: int, stream: int, rows: NDArray[np.integer[Any]]) -> None:
        key = (seed * 1_000_003 + stream) * _STEP & _WORD
        self._state = _mix(_mix(rows.astype(np.uint64)[:, None] + 1) ^ np.uint64(key))
        self._count = 0

    def _next(self) -> NDArray[np.uint64]:
        self._count += 1
        return self._state + np.uint64(self._count * _STEP & _WORD)

    def uniform(self, low: Number = 0.0, high: Number = 1.0) -> Field:
        """One number per row in [low, high): float32 (n, 1)."""
        unit = (_mix(self._next()) >> np.uint64(40)).astype(np.float32) * 2.0**-24
        return low + (high - low) * unit

    def chance(self, probability: float) -> Field:
        """True with the given probability: bool (n, 1)."""
        return self.uniform() < probability

    def kind(self, weights: Sequence[float]) -> NDArray[np.intp]:
        """An index drawn with the given weights: (n, 1)."""
        bounds = np.cumsum(weights)[:-1] / np.sum(weights)
        return np.searchsorted(bounds, self.uniform(), side="right")

    def color(
        self, palette: NDArray[np.float32], weights: Sequence[float], spread: float = 0.05
    ) -> Color:
        """A palette row (palette is (k, 3)), then lighter or darker and off in hue: (3, n, 1)."""
        chosen = palette[self.kind(weights)[:, 0]].T[:, :, None]
        level = self.uniform(1.0 - 3.0 * spread, 1.0 + 2.0 * spread)
        shift = np.stack([self.uniform(-spread, spread) for _ in range(3)])
        return np.clip(chosen * level + 0.4 * shift, 0.0, 1.0)

    def grid(self, count: int) -> Field:
        """`count` numbers per row in 0..1: float32 (n, count); each hash yields four of them."""
        lanes = np.arange(1, -(-count // 4) + 1, dtype=np.uint64)
        words = _mix(_mix(self._next()) + lanes * np.uint64(_STEP)).view(np.uint16)[:, :count]
        return words.astype(np.float32) * (1.0 / 65535.0)

    def cloud(self, side: int, across: int, down: int) -> Field:
        """Smooth noise in 0..1 with `across` by `down` bumps: float32 (n, side * side)."""
        knots = self.grid((across + 1) * (down + 1)).reshape(-1, down + 1, across + 1)
        row, part = _stops(side, down)
        high = knots[:, row] + part[:, None] * (knots[:, row + 1] - knots[:, row])
        column, part = _stops(side, across)
        left = high[:, :, column]
        cloud: Field = (left + part * (high[:, :, column + 1] - left)).reshape(len(knots), -1)
        return cloud


def _stops(side: int, cells: int) -> tuple[NDArray[np.intp], Field]:
    """The lattice cell under each of `side` pixels, and the eased place inside it."""
    place = (np.arange(side, dtype=np.float32) + 0.5) * (cells / side)
    cell = np.minimum(place.astype(np.intp), cells - 1)
    part = place - cell
    return cell, (part * part * (3.0 - 2.0 * part)).astype(np.float32)


def heading(angle: Field) -> NDArray[Any]:
    """The unit step in a direction, radians from the right, upward positive."""
    return np.asarray(np.cos(angle) + 1j * np.sin(angle))


def merge(first: Field, second: Field, reach: Number) -> Field:
    """The union of two shapes, its crease filled over about `reach`."""
    blend = np.maximum(reach - np.abs(first - second), 0.0)
    merged: Field = np.minimum(first, second) - blend * blend * (0.25 / reach)
    return merged


@dataclass(frozen=True)
class Frame:
    """Pixel positions as a placed figure sees them; shapes are distances, negative inside."""

    x: Field
    y: Field
    pixel: Field  # width of one pixel in this frame's unit, (n, 1)

    def folded(self) -> "Frame":
        """The same frame with its left half seen as its right half: shapes come in pairs."""
        return Frame(np.abs(self.x), self.y, self.pixel)

    def ball(
        self, center: Point, width: Number, height: Number, turn: Field | None = None
    ) -> Field:
        """An ellipse with the given half axes, turned by `turn` radians."""
        x, y = self.x - center.real, self.y - center.imag
        if turn is not None:
            cos, sin = np.cos(turn), np.sin(turn)
            x, y = cos * x + sin * y, cos * y - sin * x
        x, y = x * (1.0 / width), y * (1.0 / height)
        distance: Field = (np.sqrt(x * x + y * y) - 1.0) * np.minimum(
            width, height, dtype=np.float32
        )
        return distance

    def limb(self, start: Point, end: Point, first: Number, last: Number) -> Field:
        """A stroke whose half width goes from `first` at its start to `last` at its end."""
        step = np.asarray(end - start, np.complex64)
        x, y = self.x - start.real, self.y - start.imag
        along = step / np.maximum(step.real**2 + step.imag**2, 1e-6)
        part = np.clip(x * along.real + y * along.imag, 0.0, 1.0)
        x, y = x - part * step.real, y - part * step.imag
        distance: Field = np.sqrt(x * x + y * y) - (first + part * (last - first))
        return distance

    def chain(self, joints: Sequence[Point], widths: Sequence[Number]) -> Field:
        """Limbs from joint to joint, with the half width given at each joint."""
        shape = self.limb(joints[0], joints[1], widths[0], widths[1])
        for index in range(1, len(joints) - 1):
            joint, width = joints[index], widths[index]
            piece = self.limb(joint, joints[index + 1], width, widths[index + 1])
            shape = np.minimum(shape, piece)
        return shape


class Scene:
    """Pictures being painted: the image, the random draws, and the frame of the figure."""

    def __init__(self, draws: Draws, image: Color, side: int) -> None:
        """`image` is the backdrop, (3, n, side * side), which is painted over in place."""
        self.draws = draws
        self.image = image
        self.side = side
        axis = (np.arange(side, dtype=np.float32) + 0.5) * (2.0 / side) - 1.0
        self.across = np.tile(axis, side)[None]
        self.up = -np.repeat(axis, side)[None]
        self.grain = 0.6 * draws.cloud(side, 12, 12) + 0.4 * draws.cloud(side, 28, 28)
        glow = draws.uniform(0.02, 0.3) * heading(draws.uniform(0.1, np.pi - 0.1))
        light = 1.08 + glow.real * self.across + glow.imag * self.up
        self._lit = light + 0.22 * (self.grain - 0.5)
        self.frame = Frame(self.across, self.up, np.full_like(image[0, :, :1], 2.0 / side))

    def place(self, size: Number, turn: Field, shift: Point, squash: Number = 1.0) -> None:
        """Put the figure's frame: half turned to face left, scaled, turned, shifted."""
        x, y = self.across - shift.real, self.up - shift.imag
        flip = np.where(self.draws.chance(0.5), np.float32(-1.0), np.float32(1.0))
        cos, sin = np.cos(turn), np.sin(turn)
        x, y = (cos * x + sin * y) * (flip / size), (cos * y - sin * x) / (size * squash)
        self.frame = Frame(x, y, (2.0 / self.side) / (size * np.ones_like(turn)))

    def fill(self, shape: Field, color: Color, opacity: Number = 1.0) -> None:
        """Paint a shape in a flat colour."""
        cover = np.clip(0.5 - shape / self.frame.pixel, 0.0, 1.0) * opacity
        self.image += cover * (color - self.image)

    def model(self, shape: Field, color: Color, depth: float, opacity: Number = 1.0) -> None:
        """Paint a shape as a rounded, lit solid whose edge darkens over `depth`."""
        light = (0.55 + 0.45 * np.clip(shape * (-1.0 / depth), 0.0, 1.0)) * self._lit
        self.fill(shape, color * light, opacity)
