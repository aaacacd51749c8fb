"""Loss, optimiser, learning-rate schedules and averaged weights, built from a recipe."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from clfw.errors import UsageError
from clfw.learning.fused import SGD, Adam, Optimizer
from clfw.recipe import Recipe

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(logits, targets) of a part of a batch, and the targets of all of it, to the part's share."""


def build_loss(recipe: Recipe, targets: Tensor, num_classes: int) -> Loss:
    """Mean cross-entropy of (B, K) logits against (B,) int64 or (B, K) float targets.

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

    def loss(logits: Tensor, targets: Tensor, whole: Tensor) -> Tensor:
        total = cross_entropy(
            logits, targets, weight, label_smoothing=recipe.label_smoothing, reduction="sum"
        )
        if weight is None or targets.is_floating_point():
            return total / len(whole)
        return total / weight[whole].sum()

    return loss


def build_optimizer(model: nn.Module, recipe: Recipe) -> Optimizer:
    """The recipe's optimiser over the trainable parameters.

    Fused, because it is the fastest on every device and because only the fused kernels can skip an
    update on the device itself (`found_inf`), without making the host wait.
    """
    parameters = [p for p in model.parameters() if p.requires_grad]
    if not parameters:
        raise UsageError("the model has no trainable parameter")
    return SGD(parameters, recipe) if recipe.optimizer == "sgd" else Adam(parameters, recipe)


def scheduled_lr(recipe: Recipe, step: int, total: int) -> float:
    """The learning rate of update `step` (from 0) of `total`; a plateau scales it separately.

    one_cycle: linear rise over the warm-up (30 % unless set), then half a cosine down to lr / 1000
    (after Smith 2018); cosine: the same fall to 0 after the warm-up.
    """
    if recipe.schedule in ("constant", "plateau"):
        return recipe.lr
    one_cycle = recipe.schedule == "one_cycle"
    rise = (recipe.warmup or (0.3 if one_cycle else 0.0)) * total
    if step < rise:
        return recipe.lr * (step + 1) / (math.ceil(rise) + 1)
    floor = recipe.lr / 1000 if one_cycle else 0.0
    progress = (step - rise) / max(1.0, total - rise)
    return floor + (recipe.lr - floor) * (1 + math.cos(math.pi * progress)) / 2


@dataclass(slots=True)
class Progress:
    """What evaluations have shown so far: the best, and how long ago it was.

    Attributes:
        best: largest score seen; None before the first. A score is what is monitored, the larger the
            better, then what decides between equals.
        stale: evaluations since the best.
        plateau_stale: evaluations since the best or the last fall of the learning rate.
        lr_scale: what a plateau has made of the learning rate so far.
    """

    best: tuple[float, float] | None = None
    stale: int = 0
    plateau_stale: int = 0
    lr_scale: float = 1.0

    def note(self, score: tuple[float, float], recipe: Recipe) -> bool:
        """Take a new score in; True when it is the best so far. A NaN never is."""
        sound = not any(map(math.isnan, score))
        if sound and (self.best is None or score > self.best):
            self.best, self.stale, self.plateau_stale = score, 0, 0
            return True
        self.stale += 1
        self.plateau_stale += 1
        if recipe.schedule == "plateau" and self.plateau_stale > recipe.plateau_patience:
            lowest = recipe.plateau_min_lr / recipe.lr
            self.lr_scale = max(self.lr_scale * recipe.plateau_factor, min(lowest, 1.0))
            self.plateau_stale = 0
        return False

    def exhausted(self, recipe: Recipe) -> bool:
        """Whether early stopping says to stop."""
        return recipe.patience is not None and self.stale >= recipe.patience


class AveragedWeights:
    """Exponential moving average of a model's weights (Polyak and Juditsky 1992); buffers are copied.

    The decay starts small, min(decay, (1 + t) / (10 + t)), so that the random start fades quickly.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.tensors = {k: v.detach().clone() for k, v in model.state_dict().items()}

    def update(self, model: nn.Module) -> None:
        """Take the model's present weights in."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        now = model.state_dict()
        floating = [k for k, v in now.items() if v.is_floating_point()]
        torch._foreach_lerp_(
            [self.tensors[k] for k in floating], [now[k] for k in floating], 1 - decay
        )
        for key in now.keys() - set(floating):
            self.tensors[key].copy_(now[key])
