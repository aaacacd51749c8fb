"""Spiders, ants and bees: the drawn animals with many legs, mostly seen from above."""

from dataclasses import dataclass
from functools import reduce

import numpy as np

from clfw_plugins.drawn.backdrops import bloom
from clfw_plugins.drawn.builds import FURS, Range
from clfw_plugins.drawn.scene import Color, Draws, Field, Frame, Point, Scene, heading, merge

_DARK = np.array([0.09, 0.07, 0.07], np.float32)[:, None, None]


@dataclass(frozen=True)
class Insect:
    """Ranges (low, high) of one kind's parts; the body lies along the frame's upright axis."""

    head: Range  # radius
    thorax: Range  # half width
    trunk: Range  # length of the thorax
    waist: Range  # length of the stalk behind it
    rear: Range  # half width of the abdomen
    tail: Range  # half length of the abdomen
    leg: Range  # length
    shin: Range  # half width of a leg
    elbow: Range  # length of a feeler's first part
    wings: float  # how often wings show
    bands: Range  # strength of the abdomen's bands
    fuzz: Range  # roughness of the outline
    hues: tuple[float, ...]  # weights of FURS
    second: tuple[float, ...]  # weights of FURS for the bands
    bloom: float  # how often it sits on a flower


SPECIES = {
    "ants": Insect(
        head=(0.12, 0.18),
        thorax=(0.06, 0.11),
        trunk=(0.24, 0.36),
        waist=(0.05, 0.13),
        rear=(0.12, 0.21),
        tail=(0.17, 0.28),
        leg=(0.6, 0.95),
        shin=(0.014, 0.024),
        elbow=(0.16, 0.28),
        wings=0.1,
        bands=(-0.6, 0.6),
        fuzz=(0.0, 0.03),
        hues=(5, 3, 2, 2, 0.4, 0, 0.5, 0.7),
        second=(2, 1, 1, 1.5, 1.5, 0, 0.5, 0.5),
        bloom=0.3,
    ),
    "bees": Insect(
        head=(0.13, 0.19),
        thorax=(0.14, 0.22),
        trunk=(0.16, 0.26),
        waist=(0.0, 0.04),
        rear=(0.17, 0.26),
        tail=(0.26, 0.40),
        leg=(0.35, 0.7),
        shin=(0.016, 0.032),
        elbow=(0.08, 0.16),
        wings=0.85,
        bands=(-0.1, 1.0),
        fuzz=(0.0, 0.09),
        hues=(4, 3, 2, 3, 0.7, 0, 0.3, 0.7),
        second=(2, 1, 1, 3, 2.5, 0.5, 0.3, 0.3),
        bloom=0.55,
    ),
}


def _placed(scene: Scene, low: float, high: float) -> None:
    """Place a figure that may look any way, shortened a little along its body."""
    draws = scene.draws
    shift = draws.uniform(-0.16, 0.16) + 1j * draws.uniform(-0.16, 0.16)
    turn = draws.uniform(-np.pi, np.pi)
    scene.place(draws.uniform(low, high), turn, shift, draws.uniform(0.8, 1.05))


def _legs(
    draws: Draws, frame: Frame, roots: tuple[Point, ...], spread: Range, length: Field, width: Field
) -> Field:
    """Legs of one side from their roots, fanned from the first angle to the last, knees bent."""
    legs = []
    for index, root in enumerate(roots):
        part = index / (len(roots) - 1)
        angle = spread[0] + part * (spread[1] - spread[0]) + draws.uniform(-0.22, 0.22)
        reach = length * draws.uniform(0.85, 1.1) * (0.8 + 0.4 * abs(part - 0.5))
        knee = root + 0.5 * reach * heading(angle)
        bend = draws.uniform(-0.2, 0.9) * (1.0 if part < 0.5 else -1.0)
        foot = knee + 0.6 * reach * heading(angle + bend)
        legs.append(frame.chain((root, knee, foot), (1.4 * width, width, 0.6 * width)))
    return reduce(np.minimum, legs)


def _web(scene: Scene, chance: float) -> None:
    """Spin a web over the backdrop in `chance` of the pictures."""
    draws = scene.draws
    x, y = scene.across - draws.uniform(-0.6, 0.6), scene.up - draws.uniform(-0.6, 0.6)
    reach, angle = np.hypot(x, y), np.arctan2(y, x)
    spokes = np.floor(draws.uniform(5.0, 9.0))
    wave = np.cos(spokes * angle)
    lines = np.abs(np.sin(spokes * angle)) * reach / spokes
    rings = np.abs((reach * (1.0 + 0.08 * wave) * draws.uniform(4.0, 7.0)) % 1.0 - 0.5) * 0.15
    shown = draws.chance(chance) * draws.uniform(0.2, 0.8)
    scene.fill(np.minimum(lines, rings) - 0.008, 0.9 - 0.5 * _DARK, shown)


def paint_spider(scene: Scene) -> None:
    """Paint a spider from above, sometimes in its web, into every picture of the scene."""
    draws = scene.draws
    _web(scene, 0.4)
    bloom(scene, 0.12)
    _placed(scene, 0.75, 1.15)
    frame = scene.frame
    fold = Frame(np.abs(frame.x - draws.uniform(-0.06, 0.06)), frame.y, frame.pixel)
    plain = draws.color(FURS, (3, 3, 3, 1.5, 1, 0.5, 1, 1))
    second = draws.color(FURS, (3, 1, 1, 1, 1.5, 2, 0.5, 0.5))
    front = draws.uniform(0.11, 0.18)
    length, width = draws.uniform(0.6, 1.0), draws.uniform(0.016, 0.045)
    roots = tuple(0.6 * front + 1j * (0.2 + step) for step in (0.08, 0.03, -0.03, -0.08))
    legs = _legs(draws, fold, roots, (1.25, -1.2), length, width)
    rings = 1.0 + 0.25 * np.sign(np.sin(np.hypot(frame.x, frame.y) * 28.0) - 0.3)
    ringed = np.where(draws.chance(0.4), rings, np.float32(1.0))
    scene.model(legs, plain * draws.uniform(0.6, 1.0) * ringed, 0.04)
    rear, tail = draws.uniform(0.15, 0.3), draws.uniform(0.2, 0.34)
    middle = 1j * (0.12 - 0.9 * tail)
    scene.model(frame.ball(0.2j, front, 1.15 * front), plain, 0.08)
    cloud = np.clip((draws.cloud(scene.side, 10, 10) - draws.uniform(0.4, 0.8)) * 8.0, 0.0, 1.0)
    rump = frame.ball(middle, rear, tail)
    rump = rump - draws.uniform(0.0, 0.06) * (scene.grain - 0.5)
    skin = plain + draws.uniform(0.0, 1.0) * (second - plain)
    scene.model(rump, skin + cloud * (plain - skin), 0.12)
    stripe = frame.limb(middle + 0.6j * tail, middle - 0.5j * tail, 0.3 * rear, 0.05 * rear)
    scene.fill(stripe, second, draws.uniform(-1.0, 1.0).clip(0.0))
    jaws = fold.limb(0.03 + 1j * (0.2 + front), 0.06 + 1j * (0.25 + 1.6 * front), 0.03, 0.015)
    scene.fill(jaws, plain * 0.7)


def _wings(scene: Scene, frame: Frame, root: Point, shown: Field) -> None:
    """Two glassy wings on each side, in the pictures where they are shown."""
    draws = scene.draws
    spread = draws.uniform(-1.45, 0.25)
    clear = shown * draws.uniform(0.15, 0.6)
    tone = (0.82 + draws.uniform(-0.4, 0.12))[None]
    for lag, length in ((0.0, 0.62), (-0.5, 0.45)):
        angle = np.maximum(spread + lag, -1.5)
        end = root + length * draws.uniform(0.85, 1.2) * heading(angle)
        wing = frame.limb(root, end, 0.03, draws.uniform(0.08, 0.14))
        scene.fill(wing, tone * 0.5, clear)
        scene.fill(wing + 0.025, tone * (0.85 + 0.3 * scene.grain), clear)


def _abdomen(
    scene: Scene, kind: Insect, middle: Point, size: tuple[Field, Field], plain: Color
) -> None:
    """The abdomen with its bands."""
    draws, frame = scene.draws, scene.frame
    second = draws.color(FURS, kind.second)
    phase = (frame.y - middle.imag) * draws.uniform(22.0, 38.0) + 6.0 * frame.x * frame.x
    bands = np.clip(np.sin(phase + draws.uniform(0.0, 6.0)) * 3.0 + 0.4, 0.0, 1.0)
    bands = bands * np.maximum(draws.uniform(*kind.bands), 0.0)
    shape = frame.ball(middle, *size, draws.uniform(-0.25, 0.25))
    shape = shape - draws.uniform(*kind.fuzz) * (scene.grain - 0.4)
    scene.model(shape, plain + bands * (second - plain), 0.12)


def paint_insect(scene: Scene, kind: str) -> None:
    """Paint one kind of SPECIES into every picture of the scene."""
    draws, insect = scene.draws, SPECIES[kind]
    bloom(scene, insect.bloom)
    _placed(scene, 0.75, 1.15)
    frame = scene.frame
    # Seen from the side both rows of legs point the same way; from above they are mirrored.
    lying = draws.chance(0.35)
    legward = np.where(lying, frame.x + 0.02, np.abs(frame.x))
    wingward = np.where(lying, -frame.x, np.abs(frame.x))
    fold = Frame(legward, frame.y, frame.pixel)
    plain = draws.color(FURS, insect.hues)
    head, thorax = draws.uniform(*insect.head), draws.uniform(*insect.thorax)
    trunk, rear, tail = (draws.uniform(*part) for part in (insect.trunk, insect.rear, insect.tail))
    top = 0.22j
    low = top - 1j * trunk
    roots = tuple(0.4 * thorax + top - 1j * share * trunk for share in (0.15, 0.5, 0.85))
    length, shin = draws.uniform(*insect.leg), draws.uniform(*insect.shin)
    tone = plain * draws.uniform(0.5, 0.95)
    scene.model(_legs(draws, fold, roots, (0.85, -0.9), length, shin), tone, 0.03)
    scene.model(_legs(draws, fold, roots, (1.0, -0.75), 0.95 * length, shin), tone, 0.03, lying)
    face = top + 1j * (0.5 * thorax + 0.8 * head)
    elbow = face + 0.4 * head + draws.uniform(*insect.elbow) * heading(draws.uniform(0.4, 1.1))
    tip = elbow + draws.uniform(0.12, 0.26) * heading(draws.uniform(0.9, 2.0))
    scene.fill(fold.chain((face, elbow, tip), (0.018, 0.016, 0.018)), tone)
    sway = draws.uniform(-0.12, 0.12)
    end = low - 1j * (draws.uniform(*insect.waist) + 0.5 * thorax)
    _abdomen(scene, insect, end + sway - 0.85j * tail, (rear, tail), plain)
    second = np.where(draws.chance(0.4), draws.color(FURS, insect.hues), plain)
    stalk = frame.limb(low, end + 0.5 * sway, 0.35 * thorax, 0.05)
    chest = merge(frame.limb(top, low, thorax, 0.9 * thorax), stalk, 0.04)
    chest = chest - draws.uniform(*insect.fuzz) * (scene.grain - 0.4)
    scene.model(chest, second, 0.09)
    scene.model(frame.ball(face, head, 0.95 * head), plain * draws.uniform(0.7, 1.0), 0.08)
    eye = fold.ball(face + head * (0.75 + 0.25j), 0.3 * head, 0.45 * head)
    scene.fill(eye, _DARK, draws.uniform(0.2, 0.9))
    shown = draws.chance(insect.wings)
    wings = Frame(wingward, frame.y, frame.pixel)
    _wings(scene, wings, top - 0.3j * trunk + 0.3 * thorax, shown)
