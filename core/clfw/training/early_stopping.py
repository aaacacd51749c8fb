"""What the evaluations have shown so far: the best, and how long ago it was."""

import math
from dataclasses import dataclass

from clfw.config.recipe import Recipe


@dataclass(slots=True)
class BestTracker:
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
