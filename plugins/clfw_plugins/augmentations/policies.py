"""TrivialAugment: one random operation of random strength for each picture.

After Müller and Hutter, "TrivialAugment: Tuning-free Yet State-of-the-Art Data Augmentation" (2021,
arXiv:2103.10158), with the operations and ranges of its wide space. Two things differ: strength is
continuous where the paper has 31 steps, and the way of a translation is the paper's 32 pixels of
224, as a share of the side, because 32 pixels would move a small picture out of sight.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from clfw import Task
from clfw.api import Augment, Draws
from clfw_plugins.augmentations import tones
from clfw_plugins.augmentations.color import brightened, contrasted, saturated
from clfw_plugins.augmentations.geometry import inverse, warp
from clfw_plugins.augmentations.layout import laid_out_like
from clfw_plugins.augmentations.params import TrivialParams

DEGREES = 135.0
SHEAR = 0.99
SHIFT = 32 / 224  # of the side
FACTOR = 0.99  # brightness, contrast, saturation and sharpness: 1 - FACTOR to 1 + FACTOR

Operation = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(images (B, C, H, W), strength in [0, 1) (B,), sign -1 or 1 (B,)) to images."""


def build_trivial(params: TrivialParams, task: Task) -> Augment:
    """Each picture gets one operation, all equally likely, at a strength of its own."""
    operations = [operation for name, operation in OPERATIONS.items() if serves(name, task)]

    def trivial(images: Tensor, targets: Tensor, draws: Draws) -> tuple[Tensor, Tensor]:
        u = draws.uniform(3)  # (B, 3)
        choice = (u[:, 0] * len(operations)).long()
        strength = u[:, 1] * params.strength
        sign = torch.where(u[:, 2] < 0.5, -1.0, 1.0)
        by_group = images.device.type == "cpu"
        changed = apply_chosen(operations, choice, images, strength, sign, by_group=by_group)
        return laid_out_like(changed, images), targets

    return trivial


def serves(name: str, task: Task) -> bool:
    """Whether the operation changes anything in such pictures."""
    return name != "saturation" or task.channels == 3


def apply_chosen(
    operations: list[Operation],
    choice: Tensor,
    images: Tensor,
    strength: Tensor,
    sign: Tensor,
    *,
    by_group: bool,
) -> Tensor:
    """To each picture the operation that `choice` (B,) numbers.

    By group, an operation sees its own pictures only: least work. Otherwise it sees them all and
    the others' results are dropped: how many pictures a group has is then never asked, and an
    accelerator never has to tell the host. Both give the same pictures.
    """
    changed = images.clone()
    for number, operation in enumerate(operations):
        mine = choice == number
        if not by_group:
            every = operation(images, strength, sign)
            changed = torch.where(mine[:, None, None, None], every, changed)
            continue
        group = mine.nonzero()[:, 0]
        if len(group):
            changed[group] = operation(images[group], strength[group], sign[group])
    return changed


def factor(strength: Tensor, sign: Tensor) -> Tensor:
    """(B, 1, 1, 1): 1 at strength 0, away from it by up to FACTOR."""
    return (1 + FACTOR * strength * sign)[:, None, None, None]


def rotate(images: Tensor, strength: Tensor, sign: Tensor) -> Tensor:
    """A turn about the centre."""
    angle = math.radians(DEGREES) * strength * sign
    nought = torch.zeros_like(angle)
    return warp(images, inverse(angle, nought + 1, nought, nought), "black")


def shear_x(images: Tensor, strength: Tensor, sign: Tensor) -> Tensor:
    """Rows slide over each other."""
    slope = SHEAR * strength * sign
    one, nought = torch.ones_like(slope), torch.zeros_like(slope)
    matrix = torch.stack((one, slope, nought, nought, one, nought), 1)
    return warp(images, matrix.view(-1, 2, 3), "black")


def shear_y(images: Tensor, strength: Tensor, sign: Tensor) -> Tensor:
    """Columns slide over each other."""
    slope = SHEAR * strength * sign
    one, nought = torch.ones_like(slope), torch.zeros_like(slope)
    matrix = torch.stack((one, nought, nought, slope, one, nought), 1)
    return warp(images, matrix.view(-1, 2, 3), "black")


def shift_x(images: Tensor, strength: Tensor, sign: Tensor) -> Tensor:
    """A way to the right or left."""
    way = SHIFT * images.shape[3] * strength * sign
    nought = torch.zeros_like(way)
    return warp(images, inverse(nought, nought + 1, nought, way), "black")


def shift_y(images: Tensor, strength: Tensor, sign: Tensor) -> Tensor:
    """A way down or up."""
    way = SHIFT * images.shape[2] * strength * sign
    nought = torch.zeros_like(way)
    return warp(images, inverse(nought, nought + 1, way, nought), "black")


OPERATIONS: dict[str, Operation] = {
    "identity": lambda images, strength, sign: images,
    "rotate": rotate,
    "shear_x": shear_x,
    "shear_y": shear_y,
    "shift_x": shift_x,
    "shift_y": shift_y,
    "brightness": lambda images, strength, sign: brightened(images, factor(strength, sign)),
    "contrast": lambda images, strength, sign: contrasted(images, factor(strength, sign)),
    "saturation": lambda images, strength, sign: saturated(images, factor(strength, sign)),
    "sharpness": lambda images, strength, sign: tones.sharpened(images, factor(strength, sign)),
    "posterize": lambda images, strength, sign: tones.posterized(images, strength),
    "solarize": lambda images, strength, sign: tones.solarized(images, strength),
    "autocontrast": lambda images, strength, sign: tones.stretched(images),
    "equalize": lambda images, strength, sign: tones.equalized(images),
}
