"""What a kind of task means: its loss, decision, figures and the row to write. One member a kind.

Here alone it is decided how logits become a class, and which loss and metrics go with that.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from clfw.api.task import Kind, Task
from clfw.metrics.evaluation import Evaluation
from clfw.metrics.labeled_logits import LabeledLogits, softmax
from clfw.metrics.table import METRICS


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What logits say of N pictures.

    Attributes:
        predicted: (N,) class indices.
        probabilities: (N, K) of every class.
    """

    predicted: NDArray[np.int64]
    probabilities: NDArray[np.float64]

    @property
    def probability(self) -> NDArray[np.float64]:
        """(N,) of the predicted class."""
        rows = np.arange(len(self.predicted))
        chosen: NDArray[np.float64] = self.probabilities[rows, self.predicted]
        return chosen

    def most_probable(self, count: int) -> NDArray[np.int64]:
        """(N, min(count, K)) class indices, best first, and of equal ones the first."""
        order: NDArray[np.int64] = (-self.probabilities).argsort(1, kind="stable")
        return order[:, :count]


class Objective(Protocol):
    """A kind of task, from logits to results.

    Attributes:
        loss: the loss that suits it, as `train.loss` names it; `losses` gives it for each picture.
        columns: the header of a split's predictions file.
    """

    loss: str
    columns: tuple[str, ...]

    def decide(self, logits: NDArray[Any]) -> Decision:
        """What (N, K) logits say."""

    def losses(self, data: LabeledLogits) -> NDArray[np.float64]:
        """(N,) the loss of each picture, nats."""

    def evaluate(self, data: LabeledLogits) -> Evaluation:
        """Every metric of the kind."""

    def rows(self, keys: Sequence[str], data: LabeledLogits) -> Iterator[tuple[str, ...]]:
        """The rows of a predictions file below `columns`, one a picture; `keys` are the N names."""


class SingleLabel:
    """Each picture is of exactly one class: the most probable by softmax, the first of equal ones."""

    loss = "cross_entropy"
    columns: tuple[str, ...] = ("key", "true", "predicted", "probability", "loss")

    def decide(self, logits: NDArray[Any]) -> Decision:
        return Decision(predicted=logits.argmax(1), probabilities=softmax(logits))

    def losses(self, data: LabeledLogits) -> NDArray[np.float64]:
        return data.losses

    def evaluate(self, data: LabeledLogits) -> Evaluation:
        return Evaluation({name: metric.compute(data) for name, metric in METRICS.items()})

    def rows(self, keys: Sequence[str], data: LabeledLogits) -> Iterator[tuple[str, ...]]:
        decision, classes = self.decide(data.logits), data.classes
        columns = (data.targets, decision.predicted, decision.probability, data.losses)
        for key, true, predicted, probability, loss in zip(
            keys, *(column.tolist() for column in columns), strict=True
        ):
            yield key, classes[true], classes[predicted], f"{probability:.6f}", f"{loss:.6f}"


OBJECTIVES: Mapping[Kind, Objective] = {"single_label": SingleLabel()}


def objective_of(task: Task) -> Objective:
    """The objective of the task's kind."""
    return OBJECTIVES[task.kind]


class Evaluator(Protocol):
    """Turns logits into figures."""

    def evaluate(
        self, logits: NDArray[np.float32], targets: NDArray[np.int64], task: Task
    ) -> Evaluation:
        """Figures of (N, K) logits against (N,) targets."""


class StandardEvaluator:
    """The figures that the field reports for the task's kind."""

    def evaluate(
        self, logits: NDArray[np.float32], targets: NDArray[np.int64], task: Task
    ) -> Evaluation:
        data = LabeledLogits(logits=logits, targets=targets, classes=task.classes)
        return objective_of(task).evaluate(data)
