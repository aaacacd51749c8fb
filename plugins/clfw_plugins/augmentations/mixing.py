"""Augmentations that mix two pictures and their labels: MixUp and CutMix.

The partner of a picture is its predecessor in the batch, and the last one for the first: the
batch rolled by one. Batches are shuffled in each epoch, so a partner is as good as random. How much
of the partner a picture gets depends on its own row alone; who the partner is depends on the batch.
"""

import math

import torch
from torch import Tensor

from clfw import Task
from clfw.api import Augment, Draws
from clfw_plugins.augmentations.boxes import box_mask
from clfw_plugins.augmentations.identity import unchanged
from clfw_plugins.augmentations.layout import laid_out_like
from clfw_plugins.augmentations.params import CutmixParams, MixupParams


def build_mixup(params: MixupParams, task: Task) -> Augment:
    """Both pictures and both labels in shares s and 1 - s (Zhang et al. 2017, arXiv:1710.09412).

    s is the larger one of a Beta-distributed share and its complement. As partners are random,
    that only decides which one of the two we call the picture, and it keeps the main part.
    """
    if params.alpha == 0:
        return unchanged

    def mixup(images: Tensor, targets: Tensor, draws: Draws) -> tuple[Tensor, Tensor]:
        share = symmetric_beta(draws, params.alpha)  # (B,)
        share = torch.maximum(share, 1 - share)
        partner = laid_out_like(images.roll(1, 0), images)
        mixed = torch.lerp(partner, images, share[:, None, None, None])
        return mixed, mixed_targets(targets, share, task.num_classes)

    return mixup


def build_cutmix(params: CutmixParams, task: Task) -> Augment:
    """A box of the partner's pixels, at their own place (Yun et al. 2019, arXiv:1905.04899).

    The box has a Beta-distributed share of the area and its centre anywhere; what sticks out is
    cut off. Labels are mixed in the share of the pixels that are really replaced.
    """
    if params.alpha == 0:
        return unchanged

    def cutmix(images: Tensor, targets: Tensor, draws: Draws) -> tuple[Tensor, Tensor]:
        _, _, height, width = images.shape
        side = symmetric_beta(draws, params.alpha).sqrt()  # (B,) of the box, share
        center = draws.uniform(2)  # (B, 2)
        top, bottom = ends(center[:, 0], side, height)
        left, right = ends(center[:, 1], side, width)
        mask = box_mask(top, left, bottom, right, images)
        mixed = laid_out_like(torch.where(mask, images.roll(1, 0), images), images)
        share = 1 - (bottom - top) * (right - left) / (height * width)
        return mixed, mixed_targets(targets, share, task.num_classes)

    return cutmix


def ends(center: Tensor, side: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """Start and end (B,) of a box on one axis, whole pixels within 0 and `length`."""
    start = ((center - side / 2) * length).round().clamp(0, length)
    end = ((center + side / 2) * length).round().clamp(0, length)
    return start, end


def mixed_targets(targets: Tensor, share: Tensor, num_classes: int) -> Tensor:
    """(B, K) float: `share` (B,) of each picture's own target, the rest of its partner's."""
    if targets.ndim == 1:  # compared with each class, which does not make the host wait
        targets = targets[:, None] == torch.arange(num_classes, device=targets.device)
        targets = targets.to(share.dtype)
    return torch.lerp(targets.roll(1, 0), targets, share[:, None])


def symmetric_beta(draws: Draws, alpha: float) -> Tensor:
    """(B,) numbers that follow Beta(alpha, alpha), from two draws each.

    Student's t with 2 alpha degrees of freedom by Bailey's polar formula (1994), t / sqrt(t^2 + 2
    alpha) of which is a symmetric Beta on (-1, 1), arranged so that no step overflows.
    """
    u = draws.uniform(2)  # (B, 2)
    cosine = torch.cos(2 * math.pi * u[:, 1])
    # exp(log) rather than a power, whose rounding may depend on the place in the batch
    radius = torch.exp(torch.log(1 - u[:, 0]) / alpha)  # in [0, 1]
    return (1 + cosine / torch.sqrt(cosine**2 + radius / (1 - radius))) / 2
