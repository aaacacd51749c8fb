"""Grids of pictures with a model's predictions: random ones, worst mistakes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clfw.api.task import Task
from clfw.data.pixel_map import PixelMap
from clfw.metrics.labeled_logits import LabeledLogits
from clfw.metrics.objective import Decision, objective_of
from clfw.plots.figures import GREEN, RED
from clfw.plots.grids import draw_grid
from clfw.text import plural

DEFAULT_COUNT = 30
PREFERRED = ("validation", "test", "train")  # the first of these with labels is drawn
RIGHT, WRONG = "\N{CHECK MARK}", "\N{BALLOT X}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Predictions:
    """Labelled pictures with the model's logits.

    Attributes:
        pixels: pictures, not all of them labelled.
        positions: (N,) int64, where the labelled ones are in `pixels`.
        targets: (N,) class indices.
        logits: (N, K).
    """

    pixels: PixelMap
    positions: NDArray[np.int64]
    targets: NDArray[np.int64]
    logits: NDArray[np.float32]
    task: Task

    def decide(self) -> Decision:
        """What the logits say."""
        return objective_of(self.task).decide(self.logits)

    def losses(self) -> NDArray[np.float64]:
        """(N,) the loss of each picture, nats."""
        data = LabeledLogits(logits=self.logits, targets=self.targets, classes=self.task.classes)
        return objective_of(self.task).losses(data)

    def grid(self, chosen: Sequence[int], title: str) -> Any:
        """The chosen pictures, each under its true and its predicted class, with probabilities."""
        classes, decision = self.task.classes, self.decide()
        captions, colors = [], []
        for row in chosen:
            true, guess = int(self.targets[row]), int(decision.predicted[row])
            right = guess == true
            figures = f"{decision.probability[row]:.1%}"
            if not right:
                figures += f", true {decision.probabilities[row, true]:.1%}"
            mark = RIGHT if right else WRONG
            lines = (f"{mark} true {classes[true]}", f"pred. {classes[guess]}", figures)
            captions.append("\n".join(lines))
            colors.append(GREEN if right else RED)
        images = self.pixels.read(self.positions[list(chosen)].tolist())
        return draw_grid(images, captions, title, colors=colors)


def draw_predictions(predictions: Predictions, title: str, seed: int = 0) -> Any:
    """Random pictures with true and predicted class."""
    count = min(DEFAULT_COUNT, len(predictions.targets))
    chosen = np.random.default_rng(seed).permutation(len(predictions.targets))[:count]
    wrong = int((predictions.decide().predicted != predictions.targets)[chosen].sum())
    about = f"{count} random pictures, {count - wrong} right ({RIGHT}), {wrong} wrong ({WRONG})"
    return predictions.grid(chosen.tolist(), f"{title}: {about}")


def draw_mistakes(predictions: Predictions, title: str) -> Any:
    """The misclassified pictures with the largest loss; `None` if there are none."""
    wrong = predictions.decide().predicted != predictions.targets
    total = int(wrong.sum())
    if not total:
        return None
    losses = np.where(wrong, predictions.losses(), -1.0)
    chosen = np.argsort(-losses, kind="stable")[: min(DEFAULT_COUNT, total)]
    order = "largest loss first (lowest probability of the true class)"
    about = f"{len(chosen)} of {plural(total, 'mistake')}, {order}"
    return predictions.grid(chosen.tolist(), f"{title}: {about}")
