"""The order in which a batch lies in memory, which an augmentation hands on as it found it."""

import torch
from torch import Tensor


def laid_out_like(images: Tensor, original: Tensor) -> Tensor:
    """`images`, channels-last in memory where `original` is, else contiguous; copied only if need be."""
    plain = original.is_contiguous()
    if not plain and original.is_contiguous(memory_format=torch.channels_last):
        return images.contiguous(memory_format=torch.channels_last)
    return images.contiguous()
