"""What a plugin hears of a training: the figures of an epoch and of each evaluation in it."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluationPoint:
    """Figures of a held-out split after so many updates."""

    step: int
    split: str
    accuracy: float
    loss: float


@dataclass(frozen=True, kw_only=True, slots=True)
class EpochReport:
    """One epoch, finished or cut short by the last step.

    Attributes:
        epoch: number, from 1.
        step: updates done so far.
        loss, accuracy: over the epoch's training batches as they were learned from.
        gradient_norm: mean over the epoch's updates, before clipping.
        lr: of the last update.
        evaluations: made during the epoch or at its end.
        seconds: spent in training batches, evaluations and saving aside.
        steps: (loss, accuracy, gradient norm) of each update.
    """

    epoch: int
    step: int
    loss: float
    accuracy: float
    gradient_norm: float
    lr: float
    evaluations: tuple[EvaluationPoint, ...]
    seconds: float
    images_per_second: float
    steps: tuple[tuple[float, float, float], ...] = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """A row of `metrics.jsonl`; the single updates are kept in a file of their own."""
        row = asdict(self)
        del row["steps"]
        return row
