"""How good a model is: logits of a split, and the figures that follow from them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

ECE_BINS = 15
Z95 = 1.959964  # two-sided 95 % quantile of the normal distribution


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassMetrics:
    """One class: shares in [0, 1], and the number of pictures that truly are of it.

    A share of nothing is None: precision where no answer named the class, recall and F1 where no picture
    is of it.
    """

    name: str
    precision: float | None
    recall: float | None
    f1: float | None
    support: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """Figures of one split.

    Attributes:
        accuracy, loss: share of right answers; mean cross-entropy, nats.
        interval: 95 % confidence interval of the accuracy (Wilson 1927).
        top_k: share of pictures whose class is among the k most probable, by k.
        ece: expected calibration error over 15 bins of equal width (Guo et al. 2017).
        confusion: [true][predicted] counts.
    """

    accuracy: float
    loss: float
    count: int
    interval: tuple[float, float]
    top_k: dict[str, float]
    ece: float
    macro_f1: float
    per_class: tuple[ClassMetrics, ...]
    confusion: tuple[tuple[int, ...], ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Evaluation":
        """The figures that `to_json` wrote."""
        return cls(
            **{
                **values,
                "interval": tuple(values["interval"]),
                "per_class": tuple(ClassMetrics(**c) for c in values["per_class"]),
                "confusion": tuple(map(tuple, values["confusion"])),
            }
        )

    def brief(self) -> dict[str, float]:
        """Accuracy and loss."""
        return {"accuracy": self.accuracy, "loss": self.loss}


class Evaluator(Protocol):
    """Turns logits into figures."""

    def evaluate(self, logits: Tensor, targets: Tensor, classes: Sequence[str]) -> Evaluation:
        """Figures of (N, K) logits against (N,) int64 targets, both on the CPU."""


class StandardEvaluator:
    """The figures that the field reports."""

    def evaluate(self, logits: Tensor, targets: Tensor, classes: Sequence[str]) -> Evaluation:
        num_classes = len(classes)
        logits = logits.double()  # so that neither order nor batch size shows in the figures
        probabilities = logits.softmax(1)
        predicted = logits.argmax(1)
        count = len(targets)
        right = int((predicted == targets).sum())
        pairs = targets * num_classes + predicted
        confusion = torch.bincount(pairs, minlength=num_classes**2).reshape(num_classes, -1)
        per_class = class_metrics(confusion, classes)
        return Evaluation(
            accuracy=right / count,
            loss=float(cross_entropy(logits, targets)),
            count=count,
            interval=wilson_interval(right, count),
            top_k=top_k_shares(logits, targets),
            ece=calibration_error(probabilities, targets),
            macro_f1=sum(c.f1 or 0.0 for c in per_class) / num_classes,
            per_class=per_class,
            confusion=tuple(tuple(row) for row in confusion.tolist()),
        )


def class_metrics(confusion: Tensor, classes: Sequence[str]) -> tuple[ClassMetrics, ...]:
    """Precision, recall and F1 from (K, K) counts; None for a share of nothing."""
    figures = []
    for k, name in enumerate(classes):
        hits, support = int(confusion[k, k]), int(confusion[k].sum())
        claimed = int(confusion[:, k].sum())
        figures.append(
            ClassMetrics(
                name=name,
                precision=hits / claimed if claimed else None,
                recall=hits / support if support else None,
                f1=2 * hits / (claimed + support) if support else None,
                support=support,
            )
        )
    return tuple(figures)


def top_k_shares(logits: Tensor, targets: Tensor) -> dict[str, float]:
    """The share of rows whose target is among the k largest logits, for k = 1 and 5 (if K > 5)."""
    wanted = [k for k in (1, 5) if k < logits.shape[1]]
    best = logits.topk(max(wanted, default=1), dim=1).indices
    hits = best == targets[:, None]
    return {str(k): float(hits[:, :k].any(1).double().mean()) for k in wanted}


def calibration_error(probabilities: Tensor, targets: Tensor) -> float:
    """Mean gap between confidence and accuracy, weighted by the pictures in each bin."""
    confidence, predicted = probabilities.max(1)
    right = (predicted == targets).double()
    bins = (confidence * ECE_BINS).long().clamp_(max=ECE_BINS - 1)
    gap = torch.zeros(ECE_BINS, dtype=torch.float64)
    gap.index_add_(0, bins, confidence.double() - right)
    return float(gap.abs().sum() / len(targets))


def wilson_interval(right: int, count: int) -> tuple[float, float]:
    """95 % confidence interval of a share."""
    share, z2 = right / count, Z95**2
    middle = share + z2 / (2 * count)
    half = Z95 * math.sqrt(share * (1 - share) / count + z2 / (4 * count**2))
    low, high = (middle - half) / (1 + z2 / count), (middle + half) / (1 + z2 / count)
    return max(0.0, low), min(1.0, high)
