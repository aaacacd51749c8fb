"""Butterflies and chickens: the drawn animals with broad wings or feathers."""

import numpy as np

from clfw_plugins.drawn.backdrops import bloom
from clfw_plugins.drawn.builds import FURS
from clfw_plugins.drawn.scene import Color, Draws, Field, Frame, Point, Scene, heading, merge

_DARK = np.array([0.09, 0.07, 0.07], np.float32)[:, None, None]
_WINGS = np.array(
    [
        (0.88, 0.48, 0.14),  # orange
        (0.92, 0.82, 0.36),  # yellow
        (0.92, 0.91, 0.86),  # white
        (0.34, 0.48, 0.80),  # blue
        (0.44, 0.28, 0.18),  # brown
        (0.14, 0.12, 0.13),  # black
        (0.52, 0.62, 0.40),  # green
        (0.60, 0.56, 0.52),  # dusty
    ],
    np.float32,
)
_COMBS = np.array([(0.78, 0.16, 0.14), (0.62, 0.24, 0.22), (0.45, 0.18, 0.16)], np.float32)


def _sides(scene: Scene) -> Frame:
    """The frame folded along the body, each side foreshortened by itself."""
    draws, frame = scene.draws, scene.frame
    left, right = draws.uniform(0.5, 1.05), draws.uniform(0.85, 1.05)
    return Frame(np.abs(frame.x) / np.where(frame.x > 0.0, right, left), frame.y, frame.pixel)


def _wing(frame: Frame, root: Point, angle: Field, length: Field, width: Field) -> Field:
    """A wing that widens from its root to a rounded end."""
    end = root + (length - width) * heading(angle)
    return frame.limb(root, end, 0.25 * width, width)


def _pattern(scene: Scene, frame: Frame, shape: Field, hues: tuple[Color, Color]) -> None:
    """Paint a wing: its ground, a band, veins, and a margin with pale dots."""
    draws = scene.draws
    plain, second = hues
    reach = np.hypot(frame.x, frame.y)
    angle = np.arctan2(frame.y, frame.x + 0.05)
    band = np.clip((draws.uniform(0.03, 0.16) - np.abs(reach - draws.uniform(0.2, 0.7))) * 15, 0, 1)
    color = plain + band * draws.uniform(-0.8, 1.0).clip(0.0) * (second - plain)
    veins = np.clip(np.cos(angle * draws.uniform(12.0, 20.0)) * 6.0 - 4.8, 0.0, 1.0)
    color = color * (1.0 - draws.uniform(0.0, 0.7) * veins)
    margin = np.clip((shape + draws.uniform(-0.02, 0.16)) * 22.0, 0.0, 1.0)
    edge = np.minimum(plain, draws.color(_WINGS, (0, 0, 0, 0.4, 2, 4, 0, 0.5)))
    dots = np.clip(np.cos(angle * draws.uniform(14.0, 22.0)) * 5.0 - 2.5, 0.0, 1.0)
    edge = edge + dots * draws.uniform(-0.6, 0.9).clip(0.0) * (0.85 - edge)
    scene.model(shape, color + margin * (edge - color), 0.05)


def _spots(scene: Scene, frame: Frame, center: Point, hue: Color) -> None:
    """An eyespot: a ring with a dark heart."""
    draws = scene.draws
    shown = draws.chance(0.55).astype(np.float32) * draws.uniform(0.5, 1.0)
    size = draws.uniform(0.04, 0.12)
    scene.fill(frame.ball(center, size, size), hue, shown)
    scene.fill(frame.ball(center, 0.55 * size, 0.55 * size), _DARK, shown)


def paint_butterfly(scene: Scene) -> None:
    """Paint a butterfly with open wings, often on a flower, into every picture of the scene."""
    draws = scene.draws
    bloom(scene, 0.35)
    shift = draws.uniform(-0.14, 0.14) + 1j * draws.uniform(-0.14, 0.14)
    scene.place(draws.uniform(0.8, 1.15), draws.uniform(-0.7, 0.7), shift, draws.uniform(0.8, 1.05))
    frame = _sides(scene)
    hues = draws.color(_WINGS, (3, 2, 2, 2, 2, 1.5, 0.7, 1.5)), draws.color(_WINGS, (1,) * 8)
    raised = draws.uniform(-0.15, 0.35)
    size = draws.uniform(0.8, 1.05)
    low = _wing(
        frame,
        0.03 - 0.05j,
        draws.uniform(-1.15, -0.7) + 0.5 * raised,
        size * draws.uniform(0.6, 0.8),
        draws.uniform(0.24, 0.34),
    )
    high = _wing(
        frame,
        0.03 + 0.08j,
        draws.uniform(0.4, 0.75) + raised,
        size * draws.uniform(0.85, 1.05),
        draws.uniform(0.24, 0.36),
    )
    _pattern(scene, frame, low, hues)
    _pattern(scene, frame, high, hues)
    _spots(scene, frame, draws.uniform(0.3, 0.5) - 1j * draws.uniform(0.2, 0.45), hues[1])
    _spots(scene, frame, draws.uniform(0.4, 0.65) + 1j * draws.uniform(0.25, 0.5), hues[1])
    body = draws.color(FURS, (5, 3, 2, 0.5, 0, 0, 1, 1))
    width = draws.uniform(0.035, 0.06)
    middle = 0.2j
    trunk = scene.frame.chain(
        (middle, 0j, middle - 1j * draws.uniform(0.45, 0.65)), (width, width, 0.5 * width)
    )
    scene.model(trunk, body, 0.04)
    feeler = scene.frame.folded().chain(
        (middle, middle + 0.1 + 0.2j, middle + draws.uniform(0.12, 0.3) + 0.32j), (0.012,) * 3
    )
    scene.fill(feeler, _DARK, 0.9)


def _hen(draws: Draws) -> tuple[Point, Point, Point, Field]:
    """The rump, breast and head of one bird, and the height of the ground."""
    rump = -draws.uniform(0.2, 0.35) + 1j * draws.uniform(-0.05, 0.12)
    breast = draws.uniform(0.12, 0.25) + 1j * draws.uniform(-0.1, 0.08)
    pecks = draws.chance(0.25)
    rise = np.where(pecks, draws.uniform(-0.9, -0.1), draws.uniform(0.7, 1.4))
    head = breast + 0.12 + draws.uniform(0.45, 0.65) * heading(rise)
    return rump, breast, head, -draws.uniform(0.55, 0.85)


def _plumage(scene: Scene) -> tuple[Color, Color, Color]:
    """Speckled feathers, and the plain colours of the hackle and the tail."""
    draws = scene.draws
    plain = draws.color(FURS, (1.5, 1.5, 2.5, 1.5, 1, 3, 0.8, 0.5))
    second = draws.color(FURS, (3, 1, 1, 1, 1, 2, 0.5, 0.5))
    specks = np.clip((draws.cloud(scene.side, 40, 30) - draws.uniform(0.45, 1.0)) * 9.0, 0.0, 1.0)
    tail = np.where(draws.chance(0.5), plain, second)
    hackle = np.where(draws.chance(0.65), plain, second)
    return plain + specks * (second - plain), hackle, tail


def _comb(scene: Scene, head: Point, size: Field) -> None:
    """Comb, wattle, beak and eye."""
    draws, frame = scene.draws, scene.frame
    red = draws.color(_COMBS, (3, 2, 1))
    height = size * draws.uniform(0.25, 0.6)
    for place in (-0.5, 0.0, 0.5):
        knob = frame.ball(head + size * (place + 0.95j), 0.3 * size, height)
        scene.fill(knob, red)
    scene.fill(frame.ball(head + size * (0.6 - 1.0j), 0.3 * size, 0.9 * height), red)
    tip = head + size * (draws.uniform(1.6, 2.1) - 0.25j)
    horn = draws.color(FURS, (0.5, 0, 1, 3, 3, 0, 1, 0))
    scene.model(frame.limb(head + 0.7 * size, tip, 0.38 * size, 0.06 * size), horn, 0.05)
    scene.fill(frame.ball(head + size * (0.3 + 0.2j), 0.2 * size, 0.2 * size), _DARK)


def paint_chicken(scene: Scene) -> None:
    """Paint a hen or cock, seen from the side, into every picture of the scene."""
    draws = scene.draws
    shift = draws.uniform(-0.14, 0.14) + 1j * draws.uniform(-0.14, 0.14)
    scene.place(draws.uniform(0.85, 1.15), draws.uniform(-0.18, 0.18), shift)
    rump, breast, head, ground = _hen(draws)
    feathers, hackle, plume = _plumage(scene)
    frame = scene.frame
    shank = draws.color(FURS, (0.7, 0, 0.7, 3, 2, 0, 1.5, 0)) * 0.9
    for hip in (rump + 0.22, breast - 0.12):
        foot = hip.real + draws.uniform(-0.1, 0.1) + 1j * ground
        toe = foot + draws.uniform(0.1, 0.17)
        leg = frame.chain((hip - 0.2j, foot, toe, foot - 0.07), (0.045, 0.025, 0.02, 0.02))
        scene.model(leg, shank, 0.04)
    rise = draws.uniform(0.35, 1.25)
    end = rump - 0.15 - draws.uniform(0.3, 0.6) * heading(-rise)
    tail = frame.limb(rump - 0.1, end, 0.2, 0.12)
    scene.model(tail - 0.12 * (scene.grain - 0.5), plume, 0.1)
    stout = draws.uniform(0.26, 0.35)
    size = draws.uniform(0.1, 0.14)
    trunk = frame.limb(rump, breast, 0.9 * stout, stout)
    neck = frame.limb(breast + 0.08 + 0.05j, head, 0.8 * stout, size)
    scene.model(merge(trunk, neck, 0.15), feathers, 0.18)
    scene.model(neck, hackle, 0.12, draws.uniform(-0.5, 1.0).clip(0.0))
    wing = frame.ball(rump + 0.14 + 0.02j, 0.33, 0.19, draws.uniform(-0.3, 0.3))
    scene.model(wing, feathers * draws.uniform(0.7, 1.05), 0.1)
    _comb(scene, head, size)
