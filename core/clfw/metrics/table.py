"""The metrics: one entry a metric, from labeled logits to a figure. A new metric is a new entry.

NumPy is imported when a figure is computed, not before: a recipe is checked against the names here.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from clfw.metrics.labeled_logits import LabeledLogits

ECE_BINS = 15
Z95 = 1.959964  # two-sided 95 % quantile of the normal distribution


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassMetrics:
    """One class: shares in [0, 1], and the number of pictures that truly are of it.

    A share of nothing is None: precision where no prediction named the class, recall and F1 where no
    picture is of it.
    """

    name: str
    precision: float | None
    recall: float | None
    f1: float | None
    support: int


def as_tuples(value: Any) -> Any:
    """Plain values as JSON has them, with tuples for its arrays."""
    return tuple(map(as_tuples, value)) if isinstance(value, list) else value


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """One figure of a split.

    Attributes:
        name: its key in `evaluation.json`.
        compute: from logits and targets to plain values, tuples and `ClassMetrics`.
        best: which end is the better one; None where the figure is not one number, so cannot steer.
        restore: from the JSON that was written back to what `compute` gave.
    """

    name: str
    compute: "Callable[[LabeledLogits], Any]"
    best: Literal["highest", "lowest"] | None = None
    restore: Callable[[Any], Any] = as_tuples


def accuracy(data: "LabeledLogits") -> float:
    """The share of right predictions."""
    return int(data.right.sum()) / len(data)


def mean_loss(data: "LabeledLogits") -> float:
    """Mean cross-entropy, nats."""
    return float(data.losses.mean())


def accuracy_interval(data: "LabeledLogits") -> tuple[float, float]:
    """95 % confidence interval of the accuracy."""
    return wilson_interval(int(data.right.sum()), len(data))


def wilson_interval(right: int, count: int) -> tuple[float, float]:
    """95 % confidence interval of a share (Wilson 1927)."""
    share, z2 = right / count, Z95**2
    middle = share + z2 / (2 * count)
    half = Z95 * math.sqrt(share * (1 - share) / count + z2 / (4 * count**2))
    low, high = (middle - half) / (1 + z2 / count), (middle + half) / (1 + z2 / count)
    return max(0.0, low), min(1.0, high)


def top_k_shares(data: "LabeledLogits") -> dict[str, float]:
    """The share of pictures whose class is among the k largest logits, for k = 1 and 5 (if K > k)."""
    import numpy as np

    num_classes = data.logits.shape[1]
    targets = data.targets[:, None]
    true = np.take_along_axis(data.logits, targets, 1)
    before = (data.logits == true) & (np.arange(num_classes) < targets)  # equal, and named first
    ahead = ((data.logits > true) | before).sum(1)
    return {str(k): float((ahead < k).mean()) for k in (1, 5) if k < num_classes}


def calibration_error(data: "LabeledLogits") -> float:
    """Expected calibration error over 15 bins of equal width (Guo et al. 2017).

    The mean gap between confidence and accuracy, weighted by the pictures in each bin.
    """
    import numpy as np

    confidence = data.probabilities.max(1)
    bins = np.minimum((confidence * ECE_BINS).astype(np.int64), ECE_BINS - 1)
    gaps = np.bincount(bins, weights=confidence - data.right, minlength=ECE_BINS)
    return float(np.abs(gaps).sum() / len(data))


def macro_f1(data: "LabeledLogits") -> float:
    """The mean of the classes' F1; a class without a picture counts as 0."""
    return sum(c.f1 or 0.0 for c in class_metrics(data)) / len(data.classes)


def class_metrics(data: "LabeledLogits") -> tuple[ClassMetrics, ...]:
    """Precision, recall and F1 of every class; None for a share of nothing."""
    hits = data.confusion.diagonal().tolist()
    support, claimed = data.confusion.sum(1).tolist(), data.confusion.sum(0).tolist()
    return tuple(
        ClassMetrics(
            name=name,
            precision=hits[k] / claimed[k] if claimed[k] else None,
            recall=hits[k] / support[k] if support[k] else None,
            f1=2 * hits[k] / (claimed[k] + support[k]) if support[k] else None,
            support=support[k],
        )
        for k, name in enumerate(data.classes)
    )


def confusion_counts(data: "LabeledLogits") -> tuple[tuple[int, ...], ...]:
    """[true][predicted] counts."""
    return tuple(map(tuple, data.confusion.tolist()))


def restored_classes(rows: Any) -> tuple[ClassMetrics, ...]:
    """Metrics of every class as JSON has them."""
    return tuple(ClassMetrics(**row) for row in rows)


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(name="accuracy", compute=accuracy, best="highest"),
        Metric(name="loss", compute=mean_loss, best="lowest"),
        Metric(name="count", compute=len),
        Metric(name="interval", compute=accuracy_interval),
        Metric(name="top_k", compute=top_k_shares),
        Metric(name="ece", compute=calibration_error, best="lowest"),
        Metric(name="macro_f1", compute=macro_f1, best="highest"),
        Metric(name="per_class", compute=class_metrics, restore=restored_classes),
        Metric(name="confusion", compute=confusion_counts),
    )
}


def can_steer(metric: Metric) -> bool:
    """Whether `train.monitor` may name it: it is one number and has a better end."""
    return metric.best is not None
