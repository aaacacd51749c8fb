"""From pictures to answers: figures of labelled ones, predictions for any, the predictions file.

No torch here: a backend turns pixels into logits, whatever it computes with.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from clfw.api.source import Submission
from clfw.api.task import Task
from clfw.data.pixel_map import PixelMap
from clfw.inference.inputs import OpenedPictures
from clfw.io.text_files import write_csv
from clfw.metrics.evaluation import Evaluation
from clfw.metrics.objective import Evaluator, objective_of


class Backend(Protocol):
    """A restored network, ready to compute."""

    def logits(
        self,
        images: NDArray[np.uint8],
        positions: NDArray[np.int64] | None = None,
        pixels: PixelMap | None = None,
    ) -> NDArray[np.float32]:
        """(M, K) logits.

        Args:
            images: (N, H, W, C), prepared as the weights ask but not normalized.
            positions: (M,) which of them; all of them if left out.
            pixels: the map that `images` is of, to read from where they do not fit in memory.

        Raises:
            Diverged: a logit is not finite.
        """


class Prediction(NamedTuple):
    """One picture's answer; a picture that does not decode has an error and no label."""

    key: str
    label: str = ""
    name: str = ""
    probability: float = 0.0
    error: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain values; no label and no probability beside an error."""
        row = self._asdict()
        return {**row, "label": None, "name": None, "probability": None} if self.error else row


def logits_of(backend: Backend, opened: OpenedPictures) -> NDArray[np.float32]:
    """(M, K) logits of the opened pictures."""
    return backend.logits(opened.images, opened.positions, opened.pixels)


def evaluate(
    backend: Backend, opened: OpenedPictures, task: Task, evaluator: Evaluator
) -> Evaluation:
    """Figures of the opened pictures, which all have labels."""
    targets = opened.targets[opened.positions]
    return evaluator.evaluate(logits_of(backend, opened), targets, task)


def predict(backend: Backend, opened: OpenedPictures, task: Task) -> list[Prediction]:
    """One prediction for each opened picture, in order."""
    decision = objective_of(task).decide(logits_of(backend, opened))
    classes = decision.predicted.tolist()
    labels = map(opened.labels.__getitem__, classes)
    names = map(task.classes.__getitem__, classes)
    rows = list(map(Prediction, opened.keys, labels, names, decision.probability.tolist()))
    for place, error in opened.errors.items():
        rows[place] = Prediction(key=opened.keys[place], error=error)
    return rows


def write_rows(path: Path, rows: Sequence[Prediction], submission: Submission | None) -> None:
    """Predictions as CSV: in the data's own submission layout and order, or one row a picture."""
    if submission is None:
        table = [
            (r.key, r.label, r.name, "" if r.error else f"{r.probability:.6f}", r.error)
            for r in rows
        ]
        write_csv(path, ("key", "label", "class", "probability", "error"), table)
        return
    labels = {row.key: row.label for row in rows}
    header = (submission.key_column, submission.label_column)
    write_csv(path, header, [(key, labels[key]) for key in submission.keys])
