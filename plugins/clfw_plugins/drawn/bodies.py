"""Four-legged animals seen from the side: standing, sitting, resting or grazing."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clfw_plugins.drawn.builds import BUILDS, FURS, Build, Coat, coat
from clfw_plugins.drawn.scene import Color, Draws, Field, Scene, heading, merge

_DARK = np.array([0.09, 0.07, 0.07], np.float32)[:, None, None]


@dataclass(frozen=True)
class Pose:
    """Where one animal's joints are and how thick it is there."""

    hip: NDArray[Any]  # complex64 (n, 1), as are the other joints
    shoulder: NDArray[Any]
    head: NDArray[Any]
    nose: NDArray[Any]
    chest: Field
    waist: Field
    foot: Field
    skull: Field
    snout: Field
    ground: Field  # height of the ground in the frame
    nod: Field  # angle of the muzzle
    sits: Field  # bool
    stride: Field


def _posed(draws: Draws, build: Build) -> Pose:
    """Draw one kind's proportions and set its joints."""
    chest, foot = draws.uniform(*build.chest), draws.uniform(*build.foot)
    waist = chest * draws.uniform(*build.waist)
    # A resting animal has its legs folded away.
    leg = draws.uniform(*build.leg)
    leg = np.where(draws.chance(0.07), 0.3 * leg, leg)
    sits, grazes = draws.chance(build.sits), draws.chance(build.grazes)
    tilt = np.where(sits, draws.uniform(0.6, 1.15), draws.uniform(-0.1, 0.1))
    trunk = draws.uniform(*build.length) * heading(tilt)
    trunk = np.where(sits, 0.85 * trunk, trunk)
    ground = -chest - leg
    middle = 1j * (np.where(sits, ground + waist + 0.5 * trunk.imag, 0.0) - 0.08)
    hip, shoulder = middle - 0.5 * trunk, middle + 0.5 * trunk
    lift = np.where(grazes, draws.uniform(-1.0, -0.5), draws.uniform(*build.lift))
    skull = draws.uniform(*build.skull)
    neck = draws.uniform(*build.neck) + 0.6 * chest
    head = shoulder + 0.25 * chest * 1j + neck * heading(lift)
    nod = draws.uniform(*build.nod)
    nod = np.where(grazes, nod - 0.3, nod)
    nose = head + (0.55 * skull + draws.uniform(*build.muzzle)) * heading(nod)
    lowest = 1j * np.maximum(ground + 0.05 - np.minimum(nose.imag, head.imag), 0.0)
    return Pose(
        hip=hip,
        shoulder=shoulder,
        head=head + lowest,
        nose=nose + lowest,
        chest=chest,
        waist=waist,
        foot=foot,
        skull=skull,
        snout=skull * draws.uniform(*build.snout),
        ground=ground,
        nod=nod,
        sits=sits,
        stride=draws.uniform(-0.3, 0.3),
    )


def _centered(pose: Pose, build: Build) -> tuple[Pose, Field]:
    """The pose moved to the frame's middle, and half of its extent; bushy tails take room."""
    left = pose.hip.real - 1.3 * pose.waist - 2.0 * build.brush[1]
    right = np.maximum(pose.nose.real + pose.snout + build.trunk, 0.4)
    high = np.maximum(pose.head.imag + 1.5 * pose.skull, pose.chest)
    center = 0.5 * (left + right) + 0.5j * (pose.ground + high)
    moved = replace(
        pose,
        hip=pose.hip - center,
        shoulder=pose.shoulder - center,
        head=pose.head - center,
        nose=pose.nose - center,
        ground=pose.ground - center.imag,
    )
    return moved, 0.5 * np.maximum(right - left, high - pose.ground)


def _legs(scene: Scene, pose: Pose, near: bool) -> Field:
    """The fore and the hind leg of one side."""
    draws, frame = scene.draws, scene.frame
    swing = (pose.stride if near else -pose.stride) + draws.uniform(-0.12, 0.12)
    offset = 0.0 if near else 0.07
    legs = []
    for top, radius, bend, fore in (
        (pose.shoulder - 0.1 * pose.chest, pose.chest, 0.3, True),
        (pose.hip + 0.05 * pose.waist, pose.waist, -0.5, False),
    ):
        high = top + offset - 0.45j * radius
        drop = np.maximum(high.imag - pose.ground - pose.foot, 0.02)
        foot = high - 1j * drop + drop * (swing if fore else -swing)
        knee = 0.5 * (high + foot) + bend * pose.foot
        if not fore:  # a sitting animal folds its hind leg: the knee and the foot lie in front
            knee = np.where(pose.sits, high + (0.5 - 0.3j) * radius, knee)
            foot = np.where(pose.sits, foot.real + 0.9 * radius + 1j * foot.imag, foot)
        paw = foot + 0.6 * pose.foot
        widths = (0.42 * radius, 1.1 * pose.foot, 0.85 * pose.foot, pose.foot)
        legs.append(frame.chain((high, knee, foot, paw), widths))
    return np.minimum(*legs)


def _torso(scene: Scene, pose: Pose, fleece: Field) -> Field:
    """Trunk and neck, their surface roughened by the fleece."""
    frame = scene.frame
    trunk = frame.limb(pose.hip, pose.shoulder, pose.waist, pose.chest)
    neck = frame.limb(
        pose.shoulder + 0.1j * pose.chest, pose.head, 0.75 * pose.chest, 0.72 * pose.skull
    )
    return merge(trunk, neck, 0.5 * pose.chest) - fleece * (scene.grain - 0.4)


def _head(scene: Scene, pose: Pose) -> Field:
    """Skull and muzzle."""
    frame = scene.frame
    skull = frame.ball(pose.head, pose.skull, pose.skull * 0.95)
    muzzle = frame.limb(pose.head, pose.nose, 0.75 * pose.skull, pose.snout)
    return merge(skull, muzzle, 0.3 * pose.skull)


def _tail(scene: Scene, pose: Pose, build: Build) -> Field:
    """A tail of four joints, widest past its middle."""
    draws = scene.draws
    length, angle = draws.uniform(*build.tail), np.pi - draws.uniform(*build.carry)
    curl, brush = draws.uniform(*build.curl), draws.uniform(*build.brush)
    joint = pose.hip - 0.75 * pose.waist * heading(
        np.where(pose.sits, np.float32(0.9), np.float32(-0.4))
    )
    angle = np.where(pose.sits & (angle > 3.0), np.float32(2.9), angle)
    joints = [joint]
    for _ in range(4):
        joint = joint + 0.25 * length * heading(angle)
        joint = joint.real + 1j * np.maximum(joint.imag, pose.ground)
        angle = angle - curl
        joints.append(joint)
    return scene.frame.chain(joints, (0.6 * brush, 0.9 * brush, brush, brush, 0.5 * brush))


def _ears(scene: Scene, pose: Pose, build: Build) -> tuple[Field, Field]:
    """The near and the far ear, which stand pointed or hang round."""
    draws, frame = scene.draws, scene.frame
    stands = draws.chance(build.prick)
    length = pose.skull * draws.uniform(*build.ear)
    ear = length * heading(np.where(stands, draws.uniform(1.4, 2.1), draws.uniform(3.2, 4.6)))
    near = pose.head + pose.skull * (0.62j - 0.3)
    far = near + 0.5 * pose.skull
    wide = pose.skull * np.where(stands, draws.uniform(0.35, 0.5), draws.uniform(0.2, 0.32))
    tip = pose.skull * np.where(stands, np.float32(0.06), draws.uniform(0.2, 0.4))
    return frame.limb(near, near + ear, wide, tip), frame.limb(far, far + ear, wide, tip)


def _eye_and_nose(scene: Scene, pose: Pose) -> None:
    """A dark eye with a glint, and a dark nose."""
    draws, frame = scene.draws, scene.frame
    forward = heading(pose.nod)
    eye = pose.head + pose.skull * (0.35 + 0.3j) * forward
    size = pose.skull * draws.uniform(0.13, 0.24)
    scene.fill(frame.ball(eye, size, size), _DARK, 0.95)
    glint = eye + size * (0.3 + 0.4j)
    scene.fill(frame.ball(glint, 0.3 * size, 0.3 * size), 1.0 - _DARK, 0.7)
    nose = pose.nose + pose.snout * 0.75 * heading(pose.nod + 0.4)
    color = draws.color(FURS, (6, 2, 1, 0.6, 0, 0, 1, 1)) * 0.7
    scene.fill(frame.ball(nose, 0.4 * pose.snout, 0.33 * pose.snout), color, 0.9)


def _horns(scene: Scene, pose: Pose, chance: float) -> None:
    """A pair of horns that bend up and forward."""
    draws = scene.draws
    shown = draws.chance(chance).astype(np.float32)
    color = draws.color(FURS, (1, 0, 0, 0, 3, 2, 1, 0))
    size = pose.skull * draws.uniform(0.35, 0.9)
    for root in (pose.head + pose.skull * (0.1 + 0.75j), pose.head + pose.skull * (-0.2 + 0.8j)):
        bend = root + size * heading(draws.uniform(1.0, 2.2))
        tip = bend + 0.7 * size * heading(draws.uniform(0.8, 1.8))
        width = 0.2 * pose.skull
        horn = scene.frame.chain((root, bend, tip), (width, 0.7 * width, 0.2 * width))
        scene.model(horn, color, 0.05, shown)


def _mane(scene: Scene, pose: Pose, color: Color) -> None:
    """Hair along the neck's upper edge and between the ears."""
    draws = scene.draws
    crest = pose.head + pose.skull * (-0.5 + 0.6j)
    withers = pose.shoulder + pose.chest * (-0.3 + 0.85j)
    width = draws.uniform(0.05, 0.11)
    hair = scene.frame.chain(
        (pose.head + pose.skull * (0.3 + 0.75j), crest, withers), (0.4 * width, width, 0.5 * width)
    )
    scene.model(hair - 0.12 * (scene.grain - 0.5), color, 0.08, draws.uniform(0.6, 1.0))


def _trunk(scene: Scene, pose: Pose, color: Color) -> None:
    """The trunk and a tusk, then the broad ear over the head."""
    draws = scene.draws
    joint, angle = pose.nose, draws.uniform(-1.7, -1.0)
    length, curl = draws.uniform(0.6, 0.95), draws.uniform(-0.35, 0.55)
    joints, width = [pose.head + 0.3 * pose.skull, joint], draws.uniform(0.07, 0.1)
    for _ in range(4):
        joint = joint + 0.25 * length * heading(angle)
        joint = joint.real + 1j * np.maximum(joint.imag, pose.ground)
        joints.append(joint)
        angle = angle + curl
    widths = (0.7 * pose.skull, 1.5 * width, 1.25 * width, width, 0.85 * width, 0.7 * width)
    scene.model(scene.frame.chain(joints, widths), color, 0.12)
    root = pose.nose - 0.2j * pose.skull
    tusk = scene.frame.limb(root, root + draws.uniform(0.1, 0.3) * (1.0 - 0.4j), 0.035, 0.012)
    scene.model(tusk, 0.95 - _DARK, 0.03, draws.chance(0.6).astype(np.float32))
    size = pose.skull * draws.uniform(0.75, 1.25)
    middle = pose.head - 0.5 * pose.skull - 0.35j * size
    ear = scene.frame.ball(middle, 0.8 * size, size, draws.uniform(-0.4, 0.4))
    scene.fill(ear - 0.03, color * 0.62)
    scene.model(ear, color * draws.uniform(0.85, 1.05), 0.25)


def _extras(scene: Scene, kind: str, pose: Pose, colors: Coat) -> None:
    """What only this kind wears."""
    if kind == "cow":
        _horns(scene, pose, 0.65)
    elif kind == "sheep":
        _horns(scene, pose, 0.15)
    elif kind == "horse":
        _mane(scene, pose, np.minimum(colors.second, colors.plain * 0.8))
    elif kind == "elephant":
        _trunk(scene, pose, colors.plain)
    elif kind == "panda":
        patch = pose.head + pose.skull * (0.35 + 0.25j)
        size = pose.skull * scene.draws.uniform(0.25, 0.36)
        scene.fill(scene.frame.ball(patch, size, 1.2 * size), _DARK, 0.9)


def _shadow(scene: Scene, pose: Pose) -> None:
    """A soft dark patch where the animal stands."""
    middle = 0.5 * (pose.hip.real + pose.shoulder.real) + 1j * (pose.ground - 0.03)
    patch = scene.frame.ball(middle, 0.75, 0.09)
    cover = np.clip(0.5 - patch / 0.08, 0.0, 1.0) * scene.draws.uniform(0.0, 0.6)
    scene.image *= 1.0 - cover


def paint_body(scene: Scene, kind: str) -> None:
    """Paint one kind of BUILDS, seen from the side, into every picture of the scene."""
    draws, build = scene.draws, BUILDS[kind]
    pose, reach = _centered(_posed(draws, build), build)
    shift = draws.uniform(-0.1, 0.1) + 1j * draws.uniform(-0.1, 0.1)
    size = draws.uniform(0.86, 1.04) / reach
    scene.place(size, draws.uniform(-0.1, 0.1), shift)
    colors = coat(scene, build, 0.5 * (pose.hip + pose.shoulder).imag)
    dark = kind == "panda"
    limbs = _DARK * 1.3 if dark else colors.fur
    _shadow(scene, pose)
    scene.model(_legs(scene, pose, near=False), limbs * 0.62, 0.08)
    near, far = _ears(scene, pose, build)
    scene.model(_tail(scene, pose, build), colors.fur, 0.08)
    ear = _DARK * 1.3 if dark else colors.plain
    if kind != "elephant":
        scene.model(far, ear * 0.7, 0.06)
    trunk, legs = _torso(scene, pose, draws.uniform(*build.fleece)), _legs(scene, pose, near=True)
    if dark:
        scene.model(trunk, colors.fur, 0.2)
        band = scene.frame.limb(
            pose.shoulder + 0.6j * pose.chest, pose.shoulder - 0.5j * pose.chest, 0.1, 0.2
        )
        scene.fill(band, limbs)
        scene.model(legs, limbs, 0.12)
    else:
        scene.model(merge(trunk, legs, 0.06), colors.fur, 0.16)
    face = np.where(draws.chance(build.bare), colors.second, colors.fur)
    scene.model(_head(scene, pose), face, 0.12)
    _extras(scene, kind, pose, colors)
    _eye_and_nose(scene, pose)
    if kind != "elephant":
        scene.model(near, ear * 0.92, 0.06)
