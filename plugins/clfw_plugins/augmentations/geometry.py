"""Augmentations that move pixels: mirror, rotation, scale, shift, crops."""

import math

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, pad

from clfw import Task
from clfw.api import Augment, Draws, UsageError
from clfw_plugins.augmentations.identity import unchanged
from clfw_plugins.augmentations.layout import laid_out_like
from clfw_plugins.augmentations.params import (
    AffineParams,
    FlipParams,
    PadCropParams,
    ResizedCropParams,
    RotateParams,
    ScaleParams,
    ShiftParams,
)

SAMPLING = {"black": "zeros", "edge": "border", "mirror": "reflection"}  # words of grid_sample
PADDING = {"black": "constant", "edge": "replicate", "mirror": "reflect"}  # words of pad


def build_flip(params: FlipParams, task: Task) -> Augment:
    """Left and right change places in a share of the pictures."""

    def flip(images: Tensor, targets: Tensor, draws: Draws) -> tuple[Tensor, Tensor]:
        mirrored = draws.uniform() < params.probability  # (B, 1)
        return torch.where(mirrored[:, :, None, None], images.flip(3), images), targets

    return flip


def build_rotate(params: RotateParams, task: Task) -> Augment:
    """A turn about the centre, uniform between -degrees and degrees."""
    values = AffineParams(degrees=params.degrees, low=1.0, high=1.0, share=0.0, fill=params.fill)
    return build_affine(values, task)


def build_scale(params: ScaleParams, task: Task) -> Augment:
    """A factor between low and high, uniform in its logarithm, the same for both sides."""
    values = AffineParams(
        degrees=0.0, low=params.low, high=params.high, share=0.0, fill=params.fill
    )
    return build_affine(values, task)


def build_affine(params: AffineParams, task: Task) -> Augment:
    """Scaled, rotated, then shifted: one resampling blurs less than three, and takes a third."""
    if params.degrees == params.share == 0 and params.low == params.high == 1:
        return unchanged
    low, high = math.log(params.low), math.log(params.high)

    def affine(images: Tensor, targets: Tensor, draws: Draws) -> tuple[Tensor, Tensor]:
        u = draws.uniform(4)  # (B, 4)
        angle = (2 * u[:, 0] - 1) * math.radians(params.degrees)
        zoom = torch.exp(low + (high - low) * u[:, 1])
        down = (2 * u[:, 2] - 1) * (params.share * images.shape[2])
        right = (2 * u[:, 3] - 1) * (params.share * images.shape[3])
        return warp(images, inverse(angle, zoom, down, right), params.fill), targets

    return affine


def build_shift(params: ShiftParams, task: Task) -> Augment:
    """A way along each side, in whole pixels, so that nothing is blurred."""
    return build_move(
        round(params.share * task.height), round(params.share * task.width), params.fill
    )


def build_pad_crop(params: PadCropParams, task: Task) -> Augment:
    """Padding on all sides, then a crop of the old size: a shift whose reach is given in pixels."""
    side = min(task.height, task.width)
    if params.fill == "mirror" and params.padding >= side:
        raise UsageError(
            f"augment.pad_crop.padding: a mirror image of {params.padding} pixels needs larger "
            f"pictures, and these are {task.height}x{task.width}",
            hint=f"take at most {side - 1}, or fill with black",
        )
    return build_move(params.padding, params.padding, params.fill)


def build_move(reach_y: int, reach_x: int, fill: str) -> Augment:
    """Moves by up to so many whole pixels up or down, and left or right, all equally likely."""
    if reach_y == reach_x == 0:
        return unchanged

    def move(images: Tensor, targets: Tensor, draws: Draws) -> tuple[Tensor, Tensor]:
        u = draws.uniform(2)  # (B, 2)
        down = (u[:, 0] * (2 * reach_y + 1)).long() - reach_y
        right = (u[:, 1] * (2 * reach_x + 1)).long() - reach_x
        return moved(images, down, right, reach_y, reach_x, fill), targets

    return move


def build_resized_crop(params: ResizedCropParams, task: Task) -> Augment:
    """A box of random area, aspect and place, resized to the whole picture.

    Area is uniform, aspect uniform in its logarithm. A box that would stick out is cut to the
    picture's side, and so is never larger than the picture.
    """
    if params.area_low == params.area_high == params.aspect_low == params.aspect_high == 1:
        return unchanged
    low, high = math.log(params.aspect_low), math.log(params.aspect_high)

    def resized_crop(images: Tensor, targets: Tensor, draws: Draws) -> tuple[Tensor, Tensor]:
        u = draws.uniform(4)  # (B, 4)
        area = params.area_low + (params.area_high - params.area_low) * u[:, 0]
        stretch = torch.exp((low + (high - low) * u[:, 1]) / 2)  # root of width over height
        height = (area.sqrt() / stretch).clamp(max=1)  # shares of the sides
        width = (area.sqrt() * stretch).clamp(max=1)
        y = (u[:, 2] - 0.5) * (1 - height) * images.shape[2]  # of the box's centre
        x = (u[:, 3] - 0.5) * (1 - width) * images.shape[3]
        nought = torch.zeros_like(x)
        matrix = torch.stack((width, nought, x, nought, height, y), 1).view(-1, 2, 3)
        return warp(images, matrix, "edge"), targets

    return resized_crop


def inverse(angle: Tensor, zoom: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """(B, 2, 3) matrices for `warp`: scaled by `zoom`, turned anticlockwise, then shifted.

    Args:
        angle: (B,) radians.
        down, right: (B,) pixels.
    """
    cosine, sine = torch.cos(angle) / zoom, torch.sin(angle) / zoom
    x = -(cosine * right) + sine * down
    y = -(sine * right) - cosine * down
    return torch.stack((cosine, -sine, x, sine, cosine, y), 1).view(-1, 2, 3)


def warp(images: Tensor, matrix: Tensor, fill: str) -> Tensor:
    """Each picture resampled, bilinear: the pixel at p takes the value at `matrix` times (p, 1).

    Args:
        matrix: (B, 2, 3); places are (x, y) in pixels from the centre, x to the right, y down.

    The places are computed by products and sums alone, not by a matrix product, whose rounding
    may depend on the batch size, and which a GPU may do in a lower precision.
    """
    height, width = images.shape[2:]
    y = torch.arange(height, device=images.device) - (height - 1) / 2
    x = torch.arange(width, device=images.device) - (width - 1) / 2
    units = (2 / width, 2 / height)  # grid_sample has the sides at -1 and 1
    by_axis = [
        (matrix[:, axis, 0, None] * x + matrix[:, axis, 2, None]) * units[axis] for axis in (0, 1)
    ]
    along_x = torch.stack(by_axis, 1)  # (B, 2, W)
    along_y = torch.stack([matrix[:, axis, 1, None] * y * units[axis] for axis in (0, 1)], 1)
    # Planes of x and of y, seen as pairs: to write the pairs themselves takes five times as long.
    grid = (along_x[:, :, None, :] + along_y[:, :, :, None]).permute(0, 2, 3, 1)  # (B, H, W, 2)
    warped = grid_sample(
        images, grid, mode="bilinear", padding_mode=SAMPLING[fill], align_corners=False
    )
    return laid_out_like(warped.clamp_(0, 1), images)


def moved(
    images: Tensor, down: Tensor, right: Tensor, reach_y: int, reach_x: int, fill: str
) -> Tensor:
    """Each picture moved by (B,) whole pixels `down` and `right`, at most the reach either way.

    All windows of the padded batch are views, and choosing one per picture copies whole rows.
    """
    height, width = images.shape[2:]
    padded = pad(images, (reach_x, reach_x, reach_y, reach_y), PADDING[fill])
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)  # (B, C, 2 reach + 1, ..., H, W)
    numbers = torch.arange(len(images), device=images.device)
    chosen = windows[numbers, :, reach_y - down, reach_x - right]
    return laid_out_like(chosen, images)
