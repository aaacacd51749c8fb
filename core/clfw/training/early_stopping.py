"""What the evaluations have shown so far: the best, and how long ago it was."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from clfw.config.recipe import Recipe
from clfw.config.schedules import SCHEDULES


@dataclass(slots=True)
class BestTracker:
    """What evaluations have shown so far: the best, and how long ago it was.

    Attributes:
        best: largest score seen; None before the first.
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
        rescale = SCHEDULES[recipe.schedule].rescale
        if rescale is not None:
            scale = rescale(self.lr_scale, self.plateau_stale, recipe.lr, recipe.schedule_params)
            if scale is not None:
                self.lr_scale, self.plateau_stale = scale, 0
        return False

    def exhausted(self, recipe: Recipe) -> bool:
        """Whether early stopping says to stop."""
        return recipe.patience is not None and self.stale >= recipe.patience

    def state_dict(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up what `state_dict` gave."""
        for name, value in state.items():
            setattr(self, name, value)
