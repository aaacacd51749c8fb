"""Greyscale garments on black, each cut, dressed in fabric and laid out anew for every picture."""

from dataclasses import dataclass
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
    Range,
    Value,
    curve,
    mirrored,
    points,
    polygon_distance,
    render,
    soften,
    weave,
)


class _Garment:
    """n garments in the making: their draws, their canvas and their fabric."""

    def __init__(
        self,
        draws: Draws,
        bands: float = 0.05,
        stripes: float = 0.05,
        spacing: Range = (2.5, 8.0),
        flipped: float = 0.0,
    ) -> None:
        self.draws = draws
        pose = Pose(draws, turn=6, slant=0.06, shift=2.0, scale=(0.88, 1.08), flipped=flipped)
        self.canvas = Canvas(pose, len(draws))
        self.fabric = weave(draws, pose, bands=bands, stripes=stripes, spacing=spacing)

    def tint(self, low: float, high: float) -> Floats:
        """Return the fabric darkened or lightened by a factor drawn from the range."""
        return np.clip(self.fabric * self.draws.uniform(low, high, 1, 1), 0.08, 1)

    def sew(self, corners: Floats, tone: Floats) -> None:
        """Add a roughly cut piece of cloth, (n, K, 2), darker towards its seams."""
        draws, canvas = self.draws, self.canvas
        corners = corners + draws.bell(0.3, *corners.shape[1:])
        distance = polygon_distance(canvas.pose.place(corners))
        seam = np.clip(distance / 2.2 + 1, 0, 1)
        canvas.cover(distance, tone * (1 - draws.uniform(0.1, 0.6, 1, 1) * seam))

    def contrast(self) -> Floats:
        """Return the fabric clearly darkened or, less often, lightened."""
        lighter = self.draws.chance(0.3)[:, None, None]
        return np.where(lighter, self.tint(1.4, 2.2), self.tint(0.3, 0.65))

    def mark(self, path: Floats, radius: Value, likely: float) -> None:
        """Trace a seam, rib, lace or print that stands out from the cloth on some garments."""
        self.canvas.trace(path, radius, self.contrast(), self.draws.chance(likely))

    def finish(self) -> Floats:
        """Return the pictures after a shadow or tag across a few, blur, and the cloth's grain."""
        draws = self.draws
        across = draws.uniform(-13, 13, 1, 2) + draws.bell(9, 2, 2)
        tone = 0.9 * draws.chance(0.3)
        self.canvas.trace(across, draws.uniform(0.5, 2.2), tone, draws.chance(0.1))
        picture = soften(self.canvas.picture, draws.uniform(0.0, 0.12))
        return picture * (1 + draws.uniform(0.0, 0.1, 1, 1) * draws.bell(1, SIDE, SIDE))


@dataclass(frozen=True)
class _Cut:
    """How a class of upper garments is made: measures in pixels and shares of its garments."""

    length: Range
    long_sleeved: float
    short: Range = (2.5, 8.0)
    cuff: Range = (2.2, 4.2)
    neckline: Range = (0.4, 3.8)
    shoulder: Range = (5.6, 7.6)
    waist: Range = (5.2, 7.0)
    hem: Range = (5.6, 7.8)
    bands: float = 0.08
    stripes: float = 0.08
    spacing: Range = (2.5, 7.0)
    printed: float = 0.05
    ribbed: float = 0.1
    belted: float = 0.0
    buttoned: float = 0.1
    collared: float = 0.08
    open: float = 0.0


def _paint_top(cut: _Cut, draws: Draws) -> Floats:
    """Draw upper garments, (n, 28, 28): sleeves, then the body over them, then the details."""
    garment = _Garment(draws, cut.bands, cut.stripes, cut.spacing)
    height = draws.uniform(*cut.length)
    top, bottom = -height / 2, height / 2
    neck, wide = draws.uniform(1.6, 3.4), draws.uniform(*cut.shoulder)
    slope, chest = top + draws.uniform(0.5, 2.6), wide + draws.uniform(-0.6, 0.4)
    armpit, waist = slope + draws.uniform(4.0, 6.2), draws.uniform(*cut.waist)
    long = draws.chance(cut.long_sleeved)
    reach = np.where(long, draws.uniform(13, 19), draws.uniform(*cut.short))
    out = np.where(long, draws.uniform(0.1, 0.42), draws.uniform(0.3, 0.85))
    down = 1 - out * out / 2
    cuff = draws.uniform(*cut.cuff)
    elbow, wrist = wide + 0.4 + reach * out, slope + reach * down
    arm = points(
        (wide - 1, elbow, elbow - cuff * down, chest - 0.6),
        (slope - 0.3, wrist, wrist + cuff * out, armpit),
    )
    shaded = garment.tint(0.7, 1.05)
    for side in (arm, mirrored(arm)):
        garment.sew(side, shaded)
    hem, middle, dip = draws.uniform(*cut.hem), (armpit + bottom) / 2, draws.uniform(*cut.neckline)
    right = points((neck, wide, chest, waist, hem), (top, slope, armpit, middle, bottom))
    low_neck = points((0,), (top + dip,))
    garment.sew(np.concatenate([low_neck, right, mirrored(right)[:, ::-1]], axis=1), garment.fabric)
    _trim(garment, cut, top, bottom, dip)
    return garment.finish()


def _trim(garment: _Garment, cut: _Cut, top: Floats, bottom: Floats, dip: Floats) -> None:
    """Add what tells the upper garments apart: print, ribs, belt, closure, collar."""
    draws, canvas = garment.draws, garment.canvas
    x, y = draws.uniform(-2.5, 2.5), draws.uniform(-4, 3)
    garment.mark(points((x - 1.5, x + 1), (y, y)), draws.uniform(0.6, 2.4), cut.printed)
    garment.mark(points((-6, 6), (bottom - 1.6, bottom - 1.6)), 0.5, cut.ribbed)
    garment.mark(points((-2.6, 0, 2.6), (top, top + dip + 0.5, top)), 0.6, cut.ribbed)
    belt = draws.uniform(-4, 0)
    garment.mark(points((-3.5, 3.5), (belt, belt)), draws.uniform(0.3, 0.8), cut.belted)
    closure = points((0, draws.bell(0.4)), (top + dip, bottom))
    garment.mark(closure, draws.uniform(0.25, 0.5), cut.buttoned)
    canvas.trace(closure, draws.uniform(0.7, 1.8), garment.tint(0.1, 0.4), draws.chance(cut.open))
    neck, fall = draws.uniform(1.8, 3.2), top + draws.uniform(5, 12)
    collar = points((-neck, -neck - 0.8, 0, 0), (top - 0.6, top + 2.4, top + dip + 1.5, top + dip))
    lapel = points((-neck, -neck - 1, 0, -0.6), (top, top + 4, fall, top + 1.5))
    for flap, share in ((collar, cut.collared), (lapel, 0.75 * cut.open)):
        tone, worn = garment.tint(0.6, 1.5), draws.chance(share)
        canvas.fill(flap, tone, worn)
        canvas.fill(mirrored(flap), tone, worn)


def _paint_trouser(draws: Draws) -> Floats:
    """Draw trousers from leggings to wide legs, some cut short, legs close or apart."""
    garment = _Garment(draws, stripes=0.1)
    bottom = draws.uniform(9, 13)
    top = -draws.uniform(11, 13)
    crotch = top + draws.uniform(5.5, 9.5)
    waist, knee = draws.uniform(3.0, 5.2), (crotch + bottom) / 2
    hip, thigh = waist + draws.uniform(0.2, 1.4), draws.uniform(2.6, 4.4)
    apart, ankle = draws.uniform(0.1, 2.6), draws.uniform(2.2, 4.4)
    half = points(
        (0, waist, hip, apart / 2 + thigh, apart + ankle, apart, apart / 2, 0),
        (top, top, crotch - 1, knee, bottom, bottom, knee, crotch),
    )
    for side in (half, mirrored(half)):
        garment.sew(side, garment.tint(0.85, 1.1))
    garment.mark(points((-waist, waist), (top + 1.2, top + 1.2)), 0.4, 0.5)
    return garment.finish()


def _paint_shoe(
    draws: Draws, *, shaft: Range, sole: Range, heel: Range, laced: float, zipped: float
) -> Floats:
    """Draw closed shoes pointing left: upper, sole or raised heel, laces, stripe or zip."""
    garment = _Garment(draws, flipped=0.25)
    height, lift, thick = draws.uniform(*shaft), draws.uniform(*heel), draws.uniform(*sole)
    ground = (height + lift) / 2
    floor, arch = ground - lift, ground - lift / 2
    top, tip = floor - height, ground - thick - draws.uniform(0.8, 3.0)
    throat, back = draws.uniform(0.0, 3.5), draws.uniform(9.5, 12)
    front, mid, low = ground - thick, arch - thick, floor - thick
    heights = (front, tip, tip - 1.2, tip - 2.2 - 0.1 * height, floor - 0.75 * height, top)
    upper = points(
        (-12, -11.6, -9, -4, throat, throat + 0.7, back - 0.6, back, back - 0.4, 0, -5),
        (*heights, top + draws.bell(0.8), floor - height / 2, low, mid, front),
    )
    garment.sew(upper, garment.fabric)
    edge = back - draws.uniform(2, 5)
    under = points(
        (-12.2, -5, 0, back + 0.3, back, edge, edge - 0.4, 0, -5, -11.5),
        (front - 0.4, front, mid, low, ground, ground, floor + 0.3, arch + 0.3, ground, ground),
    )
    garment.canvas.fill(under, garment.contrast())
    for step in range(3):
        x, y = 2 * step - 4 + draws.bell(0.5), draws.uniform(-4, 0)
        garment.mark(points((x, x + 1.6), (y, y + draws.uniform(1, 4))), 0.4, laced)
    x, y = draws.uniform(0, 4), draws.uniform(-2, 2)
    garment.mark(points((x - 3, x, x + 3), (2, 3, y)), draws.uniform(0.4, 0.9), laced)
    x, y = draws.uniform(2, 7), draws.uniform(-6, 2)
    garment.mark(points((x, x + draws.bell(0.8)), (-8, 2)), draws.uniform(0.3, 1.0), zipped)
    garment.mark(points((1, 10), (y, y + draws.bell(0.8))), draws.uniform(0.3, 0.8), zipped)
    return garment.finish()


def _paint_sandal(draws: Draws) -> Floats:
    """Draw sandals: a sole, flat to stiletto or wedge, with up to five straps over bare black."""
    garment = _Garment(draws, flipped=0.25)
    canvas = garment.canvas
    heel = draws.uniform(0, 11) * draws.chance(0.65)
    thick, width = draws.uniform(0.7, 2.0), draws.uniform(0.6, 1.6)
    toe, back = 2 + heel / 2, 2 - heel / 2
    arch, ground = (toe + back) / 2, toe + 0.6 * thick
    bed = curve(points((-12, -7, 0, 6, 11), (toe, toe, arch, back, back)), 3)
    canvas.trace(bed, thick, garment.fabric)
    wedge = draws.chance(0.3)
    canvas.fill(points((-6, 8, 11, 11), (toe, back, back, toe + thick)), garment.fabric, wedge)
    canvas.trace(points((10, 9.5), (back, ground)), draws.uniform(0.5, 2.6), garment.fabric, ~wedge)
    for step in range(4):
        x, lean = 4.2 * step - 9.5 + draws.bell(0.8), draws.uniform(-0.5, 3.5)
        floor = np.where(x < -5, toe, np.where(x > 4, back, arch))
        rise = floor - draws.uniform(2.5, 4.5) - 0.9 * step
        strap = points((x, x + lean, x + lean + 2), (floor, rise, rise))
        canvas.trace(strap, width, garment.tint(0.5, 1.5), draws.chance(0.6))
    ankle = back - draws.uniform(3.5, 8)
    counter = points((11, 10.5, 9.5, 4), (back, ankle + 1, ankle, ankle + draws.uniform(-0.5, 2)))
    canvas.trace(counter, width * 0.8, garment.fabric, draws.chance(0.7))
    return garment.finish()


def _paint_bag(draws: Draws) -> Floats:
    """Draw bags: boxes, totes and clutches with no, short or long handles."""
    garment = _Garment(draws, bands=0.15, stripes=0.15)
    wide, bottom, height = draws.uniform(7.5, 12.5), draws.uniform(8, 12), draws.uniform(9, 19)
    rim, top = wide * draws.uniform(0.7, 1.08), bottom - height
    grip, arch = draws.uniform(3, 7.5), top - draws.uniform(2, 12)
    bend, high = draws.uniform(0.35, 0.95), arch * 0.8 + top * 0.2
    width, carried = draws.uniform(0.4, 1.1), draws.chance(0.8)
    for foot in (grip, grip + 1.8):
        elbow, low = grip * bend, top + 1
        handle = points((-foot, -elbow, 0, elbow, foot), (low, high, arch, high, low))
        garment.canvas.trace(curve(handle, 3), width, garment.tint(0.7, 1), carried)
        carried = carried & draws.chance(0.4)
    cut = draws.uniform(0.2, 2.5)
    downwards = (top, top, top + cut, bottom - cut, bottom)
    half = points((0, rim - cut, rim, wide, wide - cut), downwards)
    garment.sew(np.concatenate([half, mirrored(half)[:, :0:-1]], axis=1), garment.fabric)
    flap = top + height * draws.uniform(0.2, 0.65)
    corner = rim * 0.8
    garment.mark(points((-rim, -corner, corner, rim), (top + 1, flap, flap, top + 1)), 0.4, 0.45)
    garment.mark(points((-0.7, 0.7), (flap, flap)), draws.uniform(0.5, 1.4), 0.5)
    return garment.finish()


_T_SHIRT = _Cut((19, 25), 0.0, cuff=(3.4, 5.4), bands=0.2, spacing=(4, 9), printed=0.45)
_PULLOVER = _Cut((19, 24), 1.0, bands=0.85, spacing=(2.2, 4.5), ribbed=0.6)
_DRESS = _Cut(
    (23.5, 27), 0.2, (0, 5), shoulder=(3, 5.2), waist=(2.8, 5.2), hem=(3.6, 9), belted=0.4
)
_COAT = _Cut((22.5, 27), 1.0, cuff=(2.8, 4.4), hem=(6.2, 8.8), stripes=0.04, open=0.85)
_SHIRT = _Cut(
    (20, 25.5), 0.8, bands=0.1, stripes=0.7, spacing=(2.2, 5), buttoned=0.85, collared=0.85
)

_PAINTERS: dict[str, Painter] = {
    "T-shirt/top": partial(_paint_top, _T_SHIRT),
    "Trouser": _paint_trouser,
    "Pullover": partial(_paint_top, _PULLOVER),
    "Dress": partial(_paint_top, _DRESS),
    "Coat": partial(_paint_top, _COAT),
    "Sandal": _paint_sandal,
    "Shirt": partial(_paint_top, _SHIRT),
    "Sneaker": partial(
        _paint_shoe, shaft=(8, 13), sole=(1.4, 3.4), heel=(0, 0.6), laced=0.5, zipped=0.05
    ),
    "Bag": _paint_bag,
    "Ankle boot": partial(
        _paint_shoe, shaft=(11.5, 21), sole=(0.6, 2.2), heel=(0, 5), laced=0.1, zipped=0.45
    ),
}

CLASSES = tuple(_PAINTERS)


def draw_garments(labels: npt.ArrayLike, seed: int) -> npt.NDArray[np.uint8]:
    """Draw a garment for each label, in the manner of Fashion-MNIST.

    `labels` are (N,) integers from 0 to 9, indices into CLASSES. Picture i depends on the seed,
    i and labels[i] alone. Returns (N, 28, 28) uint8, greyscale on black, 0 to 255.
    """
    return render(labels, seed, tuple(_PAINTERS.values()))
