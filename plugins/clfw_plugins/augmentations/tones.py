"""Operations on the tones of pictures that a policy chooses from: sharpness, levels, histograms."""

import torch
from torch import Tensor
from torch.nn.functional import pad

from clfw_plugins.augmentations.color import blended

LEVELS = 256
FEWEST_BITS = 2  # of a posterized picture, at full strength


def sharpened(images: Tensor, factor: Tensor) -> Tensor:
    """`images` moved from their smoothed selves by `factor` (B, 1, 1, 1): 0 smooths, 2 sharpens."""
    return blended(images, smoothed(images), factor)


def smoothed(images: Tensor) -> Tensor:
    """Weighted means over 3x3 pixels: 5 for the pixel, 1 for each neighbour, the edge repeated."""
    padded = pad(images, (1, 1, 1, 1), "replicate")
    height, width = images.shape[2:]
    rows = padded[:, :, :height] + padded[:, :, 1:-1] + padded[:, :, 2:]
    square = rows[..., :width] + rows[..., 1:-1] + rows[..., 2:]
    return (square + 4 * images) / 13


def posterized(images: Tensor, strength: Tensor) -> Tensor:
    """Each of the 256 levels loses its last bits: none at strength 0, all but two at 1."""
    lost = (strength * (8 - FEWEST_BITS)).round().to(torch.int64)
    step = torch.bitwise_left_shift(torch.ones_like(lost), lost)[:, None, None, None]
    return (level_of(images) // step * step).to(images.dtype) / (LEVELS - 1)


def solarized(images: Tensor, strength: Tensor) -> Tensor:
    """Pixels brighter than 1 - `strength` (B,) are inverted."""
    threshold = (1 - strength)[:, None, None, None]
    return torch.where(images > threshold, 1 - images, images)


def stretched(images: Tensor) -> Tensor:
    """Each channel's darkest pixel becomes 0 and its brightest 1; a uniform channel stays."""
    darkest = images.amin((2, 3), keepdim=True)
    span = images.amax((2, 3), keepdim=True) - darkest
    spread = (images - darkest) / torch.where(span > 0, span, 1.0)
    return torch.where(span > 0, spread, images).clamp_(0, 1)


def equalized(images: Tensor) -> Tensor:
    """Each channel's histogram made as flat as its levels allow; a uniform channel stays.

    A level becomes the share of pixels at or under it, counted from the darkest level that occurs.
    """
    count, channels, height, width = images.shape
    levels = level_of(images).reshape(count, channels, -1)  # (B, C, H * W)
    counts = levels.new_zeros((count, channels, LEVELS))
    counts.scatter_add_(2, levels, torch.ones_like(levels))  # whole numbers: any order, same sum
    under = counts.cumsum(2)
    darkest = under.gather(2, levels.amin(2, keepdim=True))  # pixels of the darkest level
    rest = height * width - darkest
    curve = (under - darkest).clamp_(min=0).to(images.dtype) / rest.clamp(min=1)
    flat = curve.gather(2, levels).view(count, channels, height, width)
    return torch.where((rest > 0)[..., None], flat, images)


def level_of(images: Tensor) -> Tensor:
    """The nearest of 256 levels, int64."""
    return (images * (LEVELS - 1)).round().to(torch.int64)
