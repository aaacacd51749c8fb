"""Fog: (images in [0, 1] (B, C, H, W), targets, draws) to images and targets."""

import torch
from torch import Tensor

from clfw import Task
from clfw.api import Augment, Draws
from clfw_signs.params import FogParams


def build(params: FogParams, task: Task) -> Augment:
    """White over each picture, as much as its own draw says."""

    def fog(images: Tensor, targets: Tensor, draws: Draws) -> tuple[Tensor, Tensor]:
        share = draws.uniform()[:, :, None, None] * params.most  # (B, 1, 1, 1)
        return torch.lerp(images, torch.ones_like(images), share), targets

    return fog
