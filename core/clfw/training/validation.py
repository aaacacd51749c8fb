"""Evaluations of the held-out splits during training, and what follows from them."""

from torch import nn

from clfw.api.reports import EvaluationPoint
from clfw.text import plural
from clfw.training.best_weights import BestWeights
from clfw.training.early_stopping import BestTracker
from clfw.training.protocols import TrainInputs


class ValidationLoop:
    """Evaluates every held-out split; the validation figures move schedule, best weights, stopping.

    Attributes:
        points: of the epoch under way.
        stopped: why training stops early; empty while it goes on.
    """

    def __init__(self, inputs: TrainInputs) -> None:
        self._held_out = inputs.held_out
        self._recipe = inputs.recipe
        self.points: list[EvaluationPoint] = []
        self.tracker = BestTracker()
        self.best = BestWeights(inputs.model)
        self.stopped = ""

    def run(self, model: nn.Module, step: int) -> None:
        """Evaluate `model`, which has seen `step` updates."""
        for split, evaluate in self._held_out.items():
            figures = evaluate(model)
            point = EvaluationPoint(
                step=step, split=split, accuracy=figures.accuracy, loss=figures.loss
            )
            self.points.append(point)
            if split == "validation":
                self._steer(figures.score(self._recipe.monitor), model, step)

    def _steer(self, score: tuple[float, float], model: nn.Module, step: int) -> None:
        if self.tracker.note(score, self._recipe) and self._recipe.keep == "best":
            self.best.keep(model, step)
        if self.tracker.exhausted(self._recipe):
            self.stopped = (
                f"stopped early: no better validation {self._recipe.monitor} "
                f"in {plural(self.tracker.stale, 'evaluation')}"
            )

    def take_points(self) -> tuple[EvaluationPoint, ...]:
        """The points of the epoch that ends; the next has none yet."""
        points, self.points = tuple(self.points), []
        return points
