"""Four-legged animals that look at the camera: head, ears and chest from the front."""

from dataclasses import dataclass

import numpy as np

from clfw_plugins.drawn.builds import BUILDS, FURS, Coat, Range, coat
from clfw_plugins.drawn.scene import Color, Field, Frame, Scene, heading, merge

_DARK = np.array([0.09, 0.07, 0.07], np.float32)[:, None, None]
_IRISES = np.array(
    [(0.12, 0.08, 0.06), (0.70, 0.62, 0.20), (0.40, 0.58, 0.30), (0.45, 0.62, 0.75)], np.float32
)


@dataclass(frozen=True)
class Face:
    """Ranges (low, high) of one kind's face; the picture is two units wide."""

    width: Range  # half axes of the skull
    height: Range
    muzzle: Range  # half width
    drop: Range  # how far the muzzle hangs under the skull's middle
    nose: Range  # half width
    gap: Range  # from the middle to an eye
    eye: Range  # radius
    glow: float  # how often the iris is bright
    ear: Range  # length
    root: Range  # half width of the ear where it starts
    tip: Range  # half width of its end
    rise: Range  # angle of the ear, radians above the right
    hang: float = 0.0  # how often the ears hang instead


FACES = {
    "cat": Face(
        width=(0.40, 0.50),
        height=(0.36, 0.45),
        muzzle=(0.13, 0.18),
        drop=(0.14, 0.19),
        nose=(0.04, 0.06),
        gap=(0.16, 0.21),
        eye=(0.07, 0.10),
        glow=0.75,
        ear=(0.28, 0.42),
        root=(0.13, 0.18),
        tip=(0.01, 0.03),
        rise=(0.9, 1.4),
        hang=0.02,
    ),
    "dog": Face(
        width=(0.34, 0.46),
        height=(0.38, 0.48),
        muzzle=(0.15, 0.24),
        drop=(0.16, 0.30),
        nose=(0.06, 0.11),
        gap=(0.14, 0.20),
        eye=(0.05, 0.08),
        glow=0.15,
        ear=(0.28, 0.45),
        root=(0.11, 0.16),
        tip=(0.02, 0.06),
        rise=(0.7, 1.4),
        hang=0.78,
    ),
    "cow": Face(
        width=(0.28, 0.36),
        height=(0.42, 0.52),
        muzzle=(0.22, 0.29),
        drop=(0.36, 0.46),
        nose=(0.12, 0.18),
        gap=(0.21, 0.26),
        eye=(0.04, 0.06),
        glow=0.0,
        ear=(0.26, 0.38),
        root=(0.06, 0.08),
        tip=(0.05, 0.09),
        rise=(-0.4, 0.3),
    ),
    "horse": Face(
        width=(0.23, 0.30),
        height=(0.46, 0.56),
        muzzle=(0.16, 0.22),
        drop=(0.46, 0.58),
        nose=(0.10, 0.15),
        gap=(0.17, 0.22),
        eye=(0.04, 0.06),
        glow=0.0,
        ear=(0.18, 0.28),
        root=(0.06, 0.09),
        tip=(0.01, 0.03),
        rise=(1.1, 1.6),
    ),
    "sheep": Face(
        width=(0.24, 0.31),
        height=(0.36, 0.46),
        muzzle=(0.12, 0.18),
        drop=(0.28, 0.40),
        nose=(0.05, 0.09),
        gap=(0.17, 0.22),
        eye=(0.04, 0.06),
        glow=0.2,
        ear=(0.24, 0.34),
        root=(0.06, 0.08),
        tip=(0.03, 0.07),
        rise=(-0.6, 0.2),
    ),
    "elephant": Face(
        width=(0.30, 0.38),
        height=(0.36, 0.44),
        muzzle=(0.16, 0.20),
        drop=(0.20, 0.30),
        nose=(0.0, 0.0),
        gap=(0.20, 0.26),
        eye=(0.03, 0.045),
        glow=0.0,
        ear=(0.22, 0.42),
        root=(0.20, 0.30),
        tip=(0.28, 0.40),
        rise=(-0.3, 0.3),
    ),
    "squirrel": Face(
        width=(0.27, 0.35),
        height=(0.28, 0.36),
        muzzle=(0.10, 0.15),
        drop=(0.12, 0.18),
        nose=(0.03, 0.05),
        gap=(0.19, 0.24),
        eye=(0.055, 0.08),
        glow=0.0,
        ear=(0.15, 0.28),
        root=(0.07, 0.10),
        tip=(0.02, 0.05),
        rise=(0.9, 1.4),
    ),
    "panda": Face(
        width=(0.42, 0.52),
        height=(0.38, 0.46),
        muzzle=(0.16, 0.21),
        drop=(0.15, 0.21),
        nose=(0.06, 0.09),
        gap=(0.16, 0.21),
        eye=(0.04, 0.06),
        glow=0.0,
        ear=(0.05, 0.1),
        root=(0.12, 0.16),
        tip=(0.11, 0.15),
        rise=(0.8, 1.1),
    ),
}


def _chest(scene: Scene, kind: str, colors: Coat) -> None:
    """The body behind and under the head, with a squirrel's tail or a sheep's wool."""
    draws, frame = scene.draws, scene.frame
    lean = draws.uniform(-0.25, 0.25)
    wide = draws.uniform(0.35, 0.62) * (1.25 if kind in ("cow", "elephant", "panda") else 1.0)
    if kind == "squirrel":
        bend = draws.uniform(0.35, 0.6) - 0.2j
        tail = frame.chain((-0.5j + lean, bend - 0.3j, bend + 0.5j), (0.12, 0.2, 0.22))
        scene.model(tail - 0.1 * (scene.grain - 0.5), colors.plain, 0.15)
    trunk = frame.limb(lean - 1.6j, 0.3 * lean - 0.35j, 1.2 * wide, 0.55 * wide)
    rough = draws.uniform(0.05, 0.2) if kind == "sheep" else 0.03
    if kind == "sheep":
        trunk = merge(trunk, frame.ball(0.12j, 0.36, 0.4), 0.1)
    fur = _DARK * 1.5 if kind == "panda" else colors.fur * 0.88
    scene.model(trunk - rough * (scene.grain - 0.5), fur, 0.2)


def _ears(scene: Scene, face: Face, width: Field, height: Field, color: Color) -> None:
    """Both ears, with a darker inside where they stand."""
    draws, frame = scene.draws, scene.frame.folded()
    hangs = draws.chance(face.hang)
    rise = np.where(hangs, draws.uniform(-1.5, -0.8), draws.uniform(*face.rise))
    seat = np.where(hangs, np.float32(0.6), 0.35 + 0.45 * np.abs(rise))
    root = 0.82 * (width * np.cos(seat) + 1j * height * np.sin(seat))
    length, first = draws.uniform(*face.ear), draws.uniform(*face.root)
    last = np.where(hangs, draws.uniform(0.1, 0.16), draws.uniform(*face.tip))
    end = root + length * heading(rise)
    scene.model(frame.limb(root, end, first, last), color * 0.86, 0.08)
    inside = frame.limb(root + 0.15 * (end - root), end, 0.5 * first, 0.4 * last)
    tone = np.array([0.70, 0.48, 0.44], np.float32)[:, None, None] * (0.4 + 0.6 * color)
    scene.fill(inside, tone, np.where(hangs, 0.0, draws.uniform(0.0, 0.9)))


def _features(scene: Scene, face: Face, kind: str, frame: Frame, pale: Color) -> None:
    """Muzzle, nose, mouth and eyes in the frame of a head turned a little."""
    draws = scene.draws
    muzzle, drop = draws.uniform(*face.muzzle), draws.uniform(*face.drop)
    size, gap, rise = draws.uniform(*face.eye), draws.uniform(*face.gap), draws.uniform(0.0, 0.12)
    eye = gap + 1j * rise
    if kind == "panda":
        patch = frame.ball(eye + 0.02 - 0.03j, 2.1 * size, 1.5 * size, draws.uniform(0.5, 1.2))
        scene.fill(patch, _DARK, 0.95)
    pad = frame.ball(0.4 * muzzle - 1j * drop, 0.75 * muzzle, 0.7 * muzzle)
    scene.model(pad, pale, 0.1, draws.uniform(0.1, 1.0))
    nose = draws.uniform(*face.nose) + 0.001
    tint = draws.color(FURS, (6, 2, 1, 0.6, 0.4, 0, 1, 1)) * 0.75
    tip = 1j * (0.35 * muzzle - drop)
    scene.fill(frame.ball(tip, nose, 0.65 * nose), tint, 0.95)
    mouth = frame.chain((tip, tip - 0.55j * muzzle, tip + muzzle * (0.5 - 0.75j)), (0.012,) * 3)
    scene.fill(mouth, _DARK, 0.0 if kind == "elephant" else draws.uniform(0.1, 0.8))
    glow = draws.uniform() < face.glow
    iris = np.where(glow, draws.color(_IRISES, (0, 2, 1.5, 1)), _DARK)
    scene.fill(frame.ball(eye, size * 1.15, size * 1.05), _DARK, 0.8)
    scene.fill(frame.ball(eye, size * 0.95, size * 0.85), iris)
    pupil = frame.ball(eye, size * draws.uniform(0.2, 0.6), size * 0.7)
    scene.fill(pupil, _DARK)
    glint = frame.ball(eye + size * (0.3 + 0.35j), 0.25 * size, 0.25 * size)
    scene.fill(glint, 1.0 - _DARK, 0.8)


def _crown(scene: Scene, kind: str, height: Field, colors: Coat) -> None:
    """Horns, a forelock or a woolly cap on top of the head."""
    draws, frame = scene.draws, scene.frame.folded()
    if kind in ("cow", "sheep"):
        root = 0.17 + 0.8j * height
        bend = root + draws.uniform(0.1, 0.28) * heading(draws.uniform(-0.2, 0.9))
        tip = bend + draws.uniform(0.08, 0.22) * heading(draws.uniform(0.4, 1.9))
        horn = draws.color(FURS, (1, 0, 0, 0, 3, 2, 1, 0))
        shown = draws.chance(0.5 if kind == "cow" else 0.2).astype(np.float32)
        scene.model(frame.chain((root, bend, tip), (0.06, 0.045, 0.012)), horn, 0.05, shown)
    if kind in ("horse", "sheep"):
        hair = frame.limb(0.9j * height, 1j * draws.uniform(0.1, 0.35), 0.12, 0.05)
        tone = colors.fur if kind == "sheep" else np.minimum(colors.second, colors.plain)
        scene.model(hair - 0.15 * (scene.grain - 0.5), tone, 0.08, draws.uniform(0.4, 1.0))


def _trunk(scene: Scene, color: Color) -> None:
    """An elephant's trunk down the middle and its tusks."""
    draws, frame = scene.draws, scene.frame
    side = draws.uniform(-0.25, 0.25)
    low = side * 0.4 - draws.uniform(0.5, 0.7) * 1j
    end = low + draws.uniform(0.15, 0.4) * heading(draws.uniform(-2.4, -0.7))
    point = 0.2 - 1j * draws.uniform(0.4, 0.7)
    tusk = frame.folded().limb(0.14 - 0.28j, point, 0.04, 0.015)
    scene.model(tusk, 0.95 - _DARK, 0.04, draws.chance(0.6).astype(np.float32))
    width = draws.uniform(0.1, 0.14)
    scene.model(frame.chain((-0.1j, low, end), (1.4 * width, width, 0.7 * width)), color, 0.12)


def paint_face(scene: Scene, kind: str) -> None:
    """Paint one kind of FACES, seen from the front, into every picture of the scene."""
    draws, face, build = scene.draws, FACES[kind], BUILDS[kind]
    shift = draws.uniform(-0.15, 0.15) + 1j * draws.uniform(-0.02, 0.22)
    scene.place(draws.uniform(0.9, 1.2), draws.uniform(-0.18, 0.18), shift)
    colors = coat(scene, build)
    _chest(scene, kind, colors)
    width, height = draws.uniform(*face.width), draws.uniform(*face.height)
    ear = _DARK * 1.4 if kind == "panda" else colors.plain
    _ears(scene, face, width, height, ear)
    turn = draws.uniform(-0.07, 0.07)
    drop = 0.85 * draws.uniform(*face.drop)
    skull = merge(
        scene.frame.ball(0j, width, height),
        scene.frame.ball(turn - 1j * drop, *(draws.uniform(*face.muzzle),) * 2),
        0.25,
    )
    skin = colors.fur
    if kind == "sheep":  # the face is bare, and often of another colour than the wool
        bare = draws.chance(0.5)
        skin = np.where(bare, colors.second, colors.plain * draws.uniform(0.75, 1.0))
    front = Frame(np.abs(scene.frame.x - turn), scene.frame.y, scene.frame.pixel)
    blaze = np.clip((draws.uniform(-0.1, 0.14) - front.x) * 14.0, 0.0, 1.0)
    skin = skin + (0.0 if kind in ("panda", "elephant") else blaze) * (colors.second - skin)
    scene.model(skull, skin, 0.2)
    _crown(scene, kind, height, colors)
    pale = colors.plain + draws.uniform(-0.2, 0.7) * (0.9 - colors.plain)
    _features(scene, face, kind, front, pale)
    if kind == "elephant":
        _trunk(scene, colors.plain)
