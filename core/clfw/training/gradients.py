"""The gradients of one update: their norms, and how large they may be."""

from collections.abc import Sequence

import torch
from torch import Tensor


def gradient_norms(parameters: Sequence[Tensor]) -> Tensor:
    """(G,) norm of each gradient, of the parameters that have one, in their order."""
    return torch.stack(torch._foreach_norm([p.grad for p in parameters if p.grad is not None]))


def clip_gradients(parameters: Sequence[Tensor], norms: Tensor, max_norm: float | None) -> Tensor:
    """() norm of all gradients together, which are then scaled down to `max_norm` where it is larger."""
    norm: Tensor = torch.linalg.vector_norm(norms)
    if max_norm is not None:
        torch.nn.utils.clip_grads_with_norm_(parameters, max_norm, norm)
    return norm
