"""Learning-rate schedules: the rate as a pure function of the update."""

import math

from clfw.config.recipe import Recipe


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
