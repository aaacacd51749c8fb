"""What the drawn four-legged animals are made of: proportions, furs and markings of each kind."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clfw_plugins.drawn.scene import Color, Field, Number, Scene

Range = tuple[float, float]

FURS = np.array(
    [
        (0.11, 0.10, 0.10),  # black
        (0.29, 0.19, 0.13),  # chocolate
        (0.48, 0.32, 0.20),  # brown
        (0.74, 0.48, 0.26),  # ginger
        (0.86, 0.76, 0.60),  # cream
        (0.92, 0.91, 0.88),  # white
        (0.52, 0.51, 0.51),  # grey
        (0.33, 0.33, 0.36),  # slate
    ],
    np.float32,
)
_DEEP = (4, 2, 1, 0.5, 0, 0, 0.5, 0.5)
_PALE = (0, 0, 0, 0.4, 1, 4, 0.4, 0)


@dataclass(frozen=True)
class Build:
    """Ranges (low, high) of one kind's proportions; a whole animal is about two units long.

    Angles are radians above the way the animal looks, or above straight back for the tail.
    """

    length: Range  # from hip to shoulder
    chest: Range  # radius at the shoulder
    waist: Range  # radius at the hip, as a share of the chest
    leg: Range  # free length under the chest
    foot: Range  # half width of a leg
    neck: Range
    lift: Range  # angle of the neck
    skull: Range  # radius
    muzzle: Range  # length
    snout: Range  # half width at the nose, as a share of the skull
    nod: Range  # angle of the muzzle
    ear: Range  # length, as a share of the skull
    prick: float  # how often the ears stand
    tail: Range
    carry: Range  # angle of the tail's root
    curl: Range  # change of angle at each of its joints
    brush: Range  # half width of the tail
    furs: tuple[float, ...]  # weights of FURS
    coats: tuple[float, ...]  # weights of plain, patched, striped, pale below
    sits: float = 0.0  # how often it sits
    grazes: float = 0.0  # how often its head is down
    fleece: Range = (0.0, 0.0)  # depth of the wool's bumps
    bare: float = 0.0  # how often the face has the second colour
    trunk: float = 0.0  # how far a trunk reaches beyond the muzzle


BUILDS = {
    "cat": Build(
        length=(0.70, 0.92),
        chest=(0.20, 0.27),
        waist=(0.85, 1.1),
        leg=(0.18, 0.32),
        foot=(0.05, 0.07),
        neck=(0.10, 0.20),
        lift=(0.5, 1.1),
        skull=(0.21, 0.27),
        muzzle=(0.02, 0.08),
        snout=(0.45, 0.6),
        nod=(-0.4, 0.1),
        ear=(0.8, 1.1),
        prick=0.97,
        tail=(0.7, 1.05),
        carry=(0.1, 1.6),
        curl=(-0.3, 0.4),
        brush=(0.035, 0.06),
        furs=(2, 0.5, 0.7, 2.5, 0.7, 1, 3, 1),
        coats=(2, 0.7, 7, 1),
        sits=0.25,
    ),
    "dog": Build(
        length=(0.65, 0.88),
        chest=(0.22, 0.29),
        waist=(0.70, 0.92),
        leg=(0.30, 0.48),
        foot=(0.05, 0.075),
        neck=(0.2, 0.34),
        lift=(0.5, 1.1),
        skull=(0.16, 0.21),
        muzzle=(0.18, 0.32),
        snout=(0.5, 0.7),
        nod=(-0.5, 0.0),
        ear=(0.9, 1.5),
        prick=0.25,
        tail=(0.3, 0.7),
        carry=(-0.3, 1.5),
        curl=(-0.1, 0.6),
        brush=(0.03, 0.08),
        furs=(1.5, 2, 2.5, 1, 2.5, 1.5, 0.2, 0.2),
        coats=(5, 2.5, 0.1, 2),
        sits=0.25,
    ),
    "cow": Build(
        length=(0.85, 1.02),
        chest=(0.31, 0.38),
        waist=(0.85, 1.05),
        leg=(0.30, 0.44),
        foot=(0.055, 0.075),
        neck=(0.25, 0.38),
        lift=(-0.2, 0.4),
        skull=(0.15, 0.18),
        muzzle=(0.2, 0.28),
        snout=(0.68, 0.9),
        nod=(-1.0, -0.4),
        ear=(0.9, 1.2),
        prick=0.0,
        tail=(0.5, 0.75),
        carry=(-1.7, -1.3),
        curl=(-0.1, 0.1),
        brush=(0.02, 0.03),
        furs=(2.5, 1.5, 2, 0.5, 0.3, 3, 0.1, 0.1),
        coats=(1.2, 9, 0, 0.4),
        grazes=0.2,
    ),
    "horse": Build(
        length=(0.75, 0.95),
        chest=(0.25, 0.31),
        waist=(0.85, 1.02),
        leg=(0.46, 0.64),
        foot=(0.045, 0.06),
        neck=(0.42, 0.58),
        lift=(0.6, 1.1),
        skull=(0.13, 0.16),
        muzzle=(0.27, 0.36),
        snout=(0.52, 0.7),
        nod=(-1.0, -0.5),
        ear=(0.7, 1.0),
        prick=1.0,
        tail=(0.55, 0.85),
        carry=(-1.3, -0.7),
        curl=(-0.25, 0.0),
        brush=(0.06, 0.1),
        furs=(1.5, 3, 5, 1.5, 0.3, 0.7, 0.4, 0.3),
        coats=(7, 0.5, 0, 0.5),
        grazes=0.2,
    ),
    "sheep": Build(
        length=(0.70, 0.95),
        chest=(0.31, 0.40),
        waist=(0.92, 1.1),
        leg=(0.16, 0.30),
        foot=(0.045, 0.06),
        neck=(0.2, 0.32),
        lift=(0.1, 0.8),
        skull=(0.13, 0.16),
        muzzle=(0.15, 0.23),
        snout=(0.55, 0.75),
        nod=(-0.9, -0.2),
        ear=(0.9, 1.3),
        prick=0.0,
        tail=(0.1, 0.3),
        carry=(-1.5, -0.6),
        curl=(-0.2, 0.0),
        brush=(0.05, 0.08),
        furs=(0.7, 0.5, 0.5, 0.1, 4, 6, 0.7, 0.2),
        coats=(9, 0.3, 0, 0.3),
        grazes=0.2,
        fleece=(0.06, 0.2),
        bare=0.5,
    ),
    "elephant": Build(
        length=(0.75, 0.95),
        chest=(0.35, 0.44),
        waist=(0.85, 1.0),
        leg=(0.28, 0.46),
        foot=(0.10, 0.135),
        neck=(0.24, 0.34),
        lift=(0.1, 0.7),
        skull=(0.22, 0.28),
        muzzle=(0.10, 0.16),
        snout=(0.45, 0.6),
        nod=(-0.9, -0.4),
        ear=(0.0, 0.0),
        prick=0.0,
        tail=(0.35, 0.5),
        carry=(-1.4, -1.0),
        curl=(-0.1, 0.1),
        brush=(0.015, 0.03),
        furs=(0.2, 0.4, 0.8, 0.1, 0.3, 0.1, 5, 4),
        coats=(1, 0, 0, 0),
        trunk=0.25,
    ),
    "squirrel": Build(
        length=(0.50, 0.68),
        chest=(0.17, 0.22),
        waist=(1.05, 1.35),
        leg=(0.06, 0.18),
        foot=(0.035, 0.05),
        neck=(0.1, 0.18),
        lift=(0.3, 0.9),
        skull=(0.14, 0.18),
        muzzle=(0.10, 0.16),
        snout=(0.4, 0.55),
        nod=(-0.5, 0.0),
        ear=(0.5, 0.9),
        prick=0.95,
        tail=(0.8, 1.15),
        carry=(0.6, 1.5),
        curl=(-0.4, 0.3),
        brush=(0.13, 0.2),
        furs=(0.4, 1, 3, 5, 0.4, 0.1, 2, 0.5),
        coats=(2, 0, 0, 5),
        sits=0.75,
    ),
    "panda": Build(
        length=(0.65, 0.9),
        chest=(0.33, 0.42),
        waist=(0.9, 1.1),
        leg=(0.1, 0.26),
        foot=(0.10, 0.14),
        neck=(0.2, 0.3),
        lift=(0.2, 0.8),
        skull=(0.23, 0.29),
        muzzle=(0.14, 0.2),
        snout=(0.45, 0.6),
        nod=(-0.5, -0.1),
        ear=(0.45, 0.6),
        prick=0.9,
        tail=(0.05, 0.12),
        carry=(-1.0, 0.0),
        curl=(-0.1, 0.1),
        brush=(0.05, 0.07),
        furs=(0, 0, 0, 0, 2, 6, 0.5, 0),
        coats=(1, 0, 0, 0),
        sits=0.45,
    ),
}


@dataclass(frozen=True)
class Coat:
    """One animal's colours: its fur with markings, the plain fur and the second colour."""

    fur: Color  # (3, n, side * side)
    plain: Color  # (3, n, 1)
    second: Color  # (3, n, 1)


def coat(scene: Scene, build: Build, axis: Number = 0.0) -> Coat:
    """Draw a fur and lay its markings over the frame; a pale belly lies under `axis`."""
    draws = scene.draws
    plain = draws.color(FURS, build.furs)
    # Marks must stand out: pale ones on a dark fur, dark ones on a pale fur.
    second = np.where(plain.mean(axis=0) > 0.5, draws.color(FURS, _DEEP), draws.color(FURS, _PALE))
    mark = _marking(scene, draws.kind(build.coats), axis)
    return Coat(plain + mark * (second - plain), plain, second)


def _marking(scene: Scene, kind: NDArray[np.intp], axis: Number) -> Field:
    """Where the second colour shows, 0..1: none, patches, stripes or the belly."""
    draws, frame = scene.draws, scene.frame
    cloud = draws.cloud(scene.side, 6, 6)
    patches = (cloud - draws.uniform(0.4, 0.65)) * 12.0
    wave = frame.x * draws.uniform(18.0, 30.0) + frame.y * draws.uniform(-8.0, 8.0) + 5.0 * cloud
    stripes = (np.sin(wave) + draws.uniform(-0.7, 0.0)) * 1.5
    belly = (draws.uniform(-0.2, 0.0) + axis - frame.y + 0.2 * (cloud - 0.5)) * 9.0
    mark = np.where(kind == 1, patches, np.where(kind == 2, stripes, belly))
    return np.clip(mark, 0.0, 1.0) * (kind > 0) * draws.uniform(0.5, 1.0)
