"""A model's logits for all pictures of a split."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
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
) -> NDArray[np.float32]:
    """(N, K) float32 logits in row order; the model is left in evaluation mode.

    Raises:
        Diverged: a logit is not finite.
    """
    model.eval()
    with torch.inference_mode(), device.autocast():
        parts = (model(normalize(batch.images)) for batch in batches.sequential(size))
        logits: NDArray[np.float32] = concat_into(parts, len(batches)).cpu().numpy()
    finite = np.isfinite(logits).all(1)
    if not finite.all():
        row = int(finite.argmin())
        raise Diverged(
            f"evaluation: the model's output for picture {row} is not finite",
            hint="train with a lower learning rate",
        )
    return logits
