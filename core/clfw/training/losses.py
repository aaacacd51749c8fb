"""The loss of a batch, weighted by class where asked for."""

from collections.abc import Callable

import torch
from torch import Tensor

from clfw.config.losses import LOSSES
from clfw.config.recipe import Recipe

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(logits, targets) of a part of a batch, and the targets of all of it, to the part's share."""


def build_loss(recipe: Recipe, targets: Tensor, num_classes: int) -> Loss:
    """The recipe's mean loss of (B, K) logits against (B,) int64 or (B, K) float targets.

    The shares of a batch's parts add up to its mean, weighted or not. "balanced" weighs a class by
    N / (K * its count), so that each class weighs the same.
    """
    weight: Tensor | None = None
    if recipe.class_weights == "balanced":
        counts = torch.bincount(targets, minlength=num_classes).clamp_(min=1)
        weight = len(targets) / (num_classes * counts.to(torch.float32))
    elif recipe.class_weights != "none":
        recipe.require_classes(num_classes)
        assert not isinstance(recipe.class_weights, dict), "names are settled before training"
        weight = torch.tensor(recipe.class_weights, device=targets.device)
    entry, params = LOSSES[recipe.loss], recipe.loss_params

    def loss(logits: Tensor, targets: Tensor, whole: Tensor) -> Tensor:
        total = entry.total(logits, targets, weight, params)
        if weight is None or targets.is_floating_point():
            return total / len(whole)
        return total / weight[whole].sum()

    return loss
