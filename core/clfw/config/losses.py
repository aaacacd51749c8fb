"""The losses that `train.loss` chooses from. A loss is one entry of `LOSSES`.

PyTorch is imported when a loss is used, not before.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import Field

from clfw.api.params import Params

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True, slots=True)
class LossEntry:
    """One loss.

    Attributes:
        params: the class of the `loss` group.
        total: (logits (B, K), targets (B,) int64 or (B, K) float, class weights (K,) or None, params)
            to the sum over the images, ().
    """

    summary: str
    params: type[Params]
    total: "Callable[[Tensor, Tensor, Tensor | None, Any], Tensor]"


class CrossEntropyParams(Params):
    """The `loss` group of cross-entropy."""

    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="share of the target spread over all classes"
    )


def total_cross_entropy(
    logits: "Tensor", targets: "Tensor", weight: "Tensor | None", params: CrossEntropyParams
) -> "Tensor":
    """Cross-entropy, nats, each image's weighted by its class."""
    from torch.nn.functional import cross_entropy

    return cross_entropy(
        logits, targets, weight, label_smoothing=params.label_smoothing, reduction="sum"
    )


LOSSES: dict[str, LossEntry] = {
    "cross_entropy": LossEntry(
        summary="cross-entropy of the softmax",
        params=CrossEntropyParams,
        total=total_cross_entropy,
    ),
}
