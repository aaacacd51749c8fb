"""Augmentations that change brightness and colour, each picture by a factor of its own."""

from collections.abc import Callable

from torch import Tensor

from clfw import Task, TaskNotSupported
from clfw.api import Augment, Draws
from clfw_plugins.augmentations.identity import unchanged
from clfw_plugins.augmentations.params import BrightnessParams, ContrastParams, SaturationParams

LUMA = (0.299, 0.587, 0.114)  # ITU-R 601, as in decoding


def build_brightness(params: BrightnessParams, task: Task) -> Augment:
    """All pixels of a picture times one factor."""
    return by_factor(brightened, params.strength)


def build_contrast(params: ContrastParams, task: Task) -> Augment:
    """The distance of all pixels from the picture's mean grey times one factor."""
    return by_factor(contrasted, params.strength)


def build_saturation(params: SaturationParams, task: Task) -> Augment:
    """The distance of all pixels from their own grey times one factor."""
    if task.channels != 3:
        raise TaskNotSupported(
            "augmentation 'saturation': needs colour pictures, and these are grey",
            hint="leave it out of --augment",
        )
    return by_factor(saturated, params.strength)


def by_factor(change: Callable[[Tensor, Tensor], Tensor], strength: float) -> Augment:
    """`change` with a factor uniform between 1 - strength and 1 + strength."""

    if strength == 0:
        return unchanged

    def augment(images: Tensor, targets: Tensor, draws: Draws) -> tuple[Tensor, Tensor]:
        factor = 1 + strength * (2 * draws.uniform() - 1)  # (B, 1)
        return change(images, factor[:, :, None, None]), targets

    return augment


def brightened(images: Tensor, factor: Tensor) -> Tensor:
    """`images` times `factor` (B, 1, 1, 1)."""
    return (images * factor).clamp_(0, 1)


def contrasted(images: Tensor, factor: Tensor) -> Tensor:
    """`images` moved from their mean grey by `factor` (B, 1, 1, 1): 0 is uniform grey."""
    # In two steps, as the rounding of one mean over a whole picture can depend on the batch.
    mean = gray(images).mean(3, keepdim=True).mean(2, keepdim=True)
    return blended(images, mean, factor)


def saturated(images: Tensor, factor: Tensor) -> Tensor:
    """`images` moved from their own grey by `factor` (B, 1, 1, 1): 0 has no colour."""
    return blended(images, gray(images), factor)


def blended(images: Tensor, other: Tensor, factor: Tensor) -> Tensor:
    """`other` at factor 0, `images` at 1, beyond them over 1; (B, 1, 1, 1)."""
    return ((images - other) * factor).add_(other).clamp_(0, 1)


def gray(images: Tensor) -> Tensor:
    """(B, 1, H, W)."""
    if images.shape[1] == 1:
        return images
    return images[:, 0:1] * LUMA[0] + images[:, 1:2] * LUMA[1] + images[:, 2:3] * LUMA[2]
