"""Random erasing: a box of the picture is covered (Zhong et al. 2017, arXiv:1708.04896)."""

import math

import torch
from torch import Tensor

from clfw import Task
from clfw.api import Augment, Draws
from clfw_plugins.augmentations.boxes import box_mask
from clfw_plugins.augmentations.layout import laid_out_like
from clfw_plugins.augmentations.params import EraseParams


def build_erase(params: EraseParams, task: Task) -> Augment:
    """A box of random area, shape and place is covered in a share of the pictures.

    Area is uniform, the ratio of the sides uniform in its logarithm; a box longer than the
    picture is cut to it. A random fill is one colour per box, where the paper has one per pixel.
    """
    longest = math.log(params.aspect)

    def erase(images: Tensor, targets: Tensor, draws: Draws) -> tuple[Tensor, Tensor]:
        _, channels, height, width = images.shape
        u = draws.uniform(5)  # (B, 5)
        color = draws.uniform(channels)  # (B, C)
        area = params.area_low + (params.area_high - params.area_low) * u[:, 1]
        area = area * (u[:, 0] < params.probability)  # others get an empty box
        stretch = torch.exp(longest * (u[:, 2] - 0.5))  # root of width over height
        box_height = (area.sqrt() / stretch).clamp(max=1).mul(height).round()
        box_width = (area.sqrt() * stretch).clamp(max=1).mul(width).round()
        top = (u[:, 3] * (height - box_height + 1)).floor()
        left = (u[:, 4] * (width - box_width + 1)).floor()
        mask = box_mask(top, left, top + box_height, left + box_width, images)
        if params.fill == "mean":
            color = images.mean(3).mean(2)
        elif params.fill == "black":
            color = torch.zeros_like(color)
        return laid_out_like(torch.where(mask, color[:, :, None, None], images), images), targets

    return erase
