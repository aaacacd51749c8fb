"""Logits beside the truth, and what every metric derives from them. NumPy in double precision."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray


def softmax(logits: NDArray[Any]) -> NDArray[np.float64]:
    """(N, K) probabilities of (N, K) logits."""
    exponentials = np.exp(_shifted(logits))
    exponentials /= exponentials.sum(1, keepdims=True)
    return exponentials


def cross_entropies(logits: NDArray[Any], targets: NDArray[np.int64]) -> NDArray[np.float64]:
    """(N,) losses, nats, of (N, K) logits against (N,) class indices."""
    shifted = _shifted(logits)
    true = shifted[np.arange(len(targets)), targets]
    losses: NDArray[np.float64] = np.log(np.exp(shifted).sum(1)) - true
    return losses


def _shifted(logits: NDArray[Any]) -> NDArray[np.float64]:
    """`logits` less the largest of each row, so that no exponential overflows."""
    double: NDArray[np.float64] = logits.astype(np.float64)
    double -= double.max(1, keepdims=True)
    return double


@dataclass(frozen=True, kw_only=True)
class LabeledLogits:
    """What a metric is computed from. Double precision: neither order nor batch size shows.

    Attributes:
        logits: (N, K).
        targets: (N,) int64 class indices.
        classes: the K names.
    """

    logits: NDArray[Any]
    targets: NDArray[np.int64]
    classes: Sequence[str]

    def __len__(self) -> int:
        return len(self.targets)

    @cached_property
    def predicted(self) -> NDArray[np.int64]:
        """(N,) the class of the largest logit, the first of equal ones."""
        predicted: NDArray[np.int64] = self.logits.argmax(1)
        return predicted

    @cached_property
    def right(self) -> NDArray[np.bool_]:
        """(N,) whether the predicted class is the true one."""
        right: NDArray[np.bool_] = self.predicted == self.targets
        return right

    @cached_property
    def probabilities(self) -> NDArray[np.float64]:
        """(N, K), the softmax of the logits."""
        return softmax(self.logits)

    @cached_property
    def losses(self) -> NDArray[np.float64]:
        """(N,) cross-entropy of each picture, nats."""
        return cross_entropies(self.logits, self.targets)

    @cached_property
    def confusion(self) -> NDArray[np.int64]:
        """(K, K) counts: rows are true classes, columns predicted ones."""
        size = len(self.classes)
        counts = np.bincount(self.targets * size + self.predicted, minlength=size**2)
        return counts.reshape(size, size)
