"""A model's logits for all pictures of a split."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from clfw.errors import Diverged
from clfw.models.batches import Batches, concat_into
from clfw.models.device import Device


def predict_logits(
    model: nn.Module,
    batches: Batches,
    normalize: Callable[[Tensor], Tensor],
    size: int,
    device: Device,
) -> Tensor:
    """(N, K) float32 logits on the CPU, in row order; the model is left in evaluation mode.

    Raises:
        Diverged: a logit is not finite.
    """
    model.eval()
    with torch.inference_mode(), device.autocast():
        parts = (model(normalize(batch.images)) for batch in batches.sequential(size))
        logits = concat_into(parts, len(batches)).cpu()
    if not torch.isfinite(logits).all():
        row = int((~torch.isfinite(logits)).any(1).nonzero()[0])
        raise Diverged(
            f"evaluation: the model's output for picture {row} is not finite",
            hint="train with a lower learning rate",
        )
    return logits
