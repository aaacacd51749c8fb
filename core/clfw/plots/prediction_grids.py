"""Grids of pictures with a model's predictions: random ones, worst mistakes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clfw.data.pixel_map import PixelMap
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
        logits: (N, K), on the CPU.
    """

    pixels: PixelMap
    positions: NDArray[np.int64]
    targets: NDArray[np.int64]
    logits: Tensor
    classes: Sequence[str]

    def grid(self, chosen: Sequence[int], title: str) -> Any:
        """The chosen pictures, each under its true and its predicted class, with probabilities."""
        probabilities = self.logits.double().softmax(1)
        captions, colors = [], []
        for row in chosen:
            true, guess = int(self.targets[row]), int(self.logits[row].argmax())
            right = guess == true
            figures = f"{float(probabilities[row, guess]):.1%}"
            if not right:
                figures += f", true {float(probabilities[row, true]):.1%}"
            mark = RIGHT if right else WRONG
            lines = (f"{mark} true {self.classes[true]}", f"pred. {self.classes[guess]}", figures)
            captions.append("\n".join(lines))
            colors.append(GREEN if right else RED)
        images = self.pixels.read(self.positions[list(chosen)].tolist())
        return draw_grid(images, captions, title, colors=colors)


def draw_predictions(predictions: Predictions, title: str, seed: int = 0) -> Any:
    """Random pictures with true and predicted class."""
    count = min(DEFAULT_COUNT, len(predictions.targets))
    chosen = np.random.default_rng(seed).permutation(len(predictions.targets))[:count]
    wrong = int((predictions.logits.argmax(1).numpy() != predictions.targets)[chosen].sum())
    about = f"{count} random pictures, {count - wrong} right ({RIGHT}), {wrong} wrong ({WRONG})"
    return predictions.grid(chosen.tolist(), f"{title}: {about}")


def draw_mistakes(predictions: Predictions, title: str) -> Any:
    """The misclassified pictures with the largest loss; `None` if there are none."""
    targets = torch.from_numpy(predictions.targets)
    losses = -predictions.logits.double().log_softmax(1).gather(1, targets[:, None])[:, 0]
    wrong = predictions.logits.argmax(1) != targets
    total = int(wrong.sum())
    if not total:
        return None
    losses[~wrong] = -1.0
    chosen = losses.argsort(descending=True, stable=True)[: min(DEFAULT_COUNT, total)]
    order = "largest loss first (lowest probability of the true class)"
    about = f"{len(chosen)} of {plural(total, 'mistake')}, {order}"
    return predictions.grid(chosen.tolist(), f"{title}: {about}")
