"""Tensors to bytes and back, in the safetensors format and never by pickle."""

from collections.abc import Mapping

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from clfw.errors import DataError
from clfw.io.safetensors_header import header_length, parse_header
from clfw.text import escape


def encode(tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None) -> bytes:
    """The bytes of a file; equal tensors give equal bytes."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    data: bytes = save(plain, metadata=metadata)
    return data


def decode(data: bytes, where: str) -> dict[str, Tensor]:
    """All tensors of a file, every value finite; raises `DataError` for any fault."""
    length = header_length(data[:520], len(data), where)
    parse_header(data[8 : 8 + length], len(data) - 8 - length, where)
    try:
        tensors: dict[str, Tensor] = load(data)
    except (SafetensorError, ValueError, KeyError, RuntimeError) as error:
        raise DataError(f"{where}: damaged: {escape(str(error))}") from None
    if (name := first_not_finite(tensors)) is not None:
        raise DataError(f"{where}: tensor '{escape(name)}' is not finite")
    return tensors


def parts(data: bytes) -> tuple[bytes, memoryview]:
    """The header's text and the tensors' bytes of a file that is sound so far."""
    end = 8 + int.from_bytes(data[:8], "little")
    return data[8:end], memoryview(data)[end:]


def first_not_finite(tensors: Mapping[str, Tensor]) -> str | None:
    """The name of a tensor that holds a NaN or an infinity."""
    for name, tensor in tensors.items():
        if tensor.is_floating_point():
            wide = tensor.float() if tensor.itemsize < 2 else tensor  # no kernel for eight bits
            if wide.sum().isfinite():
                continue  # a sum with one that is not would not be; the quicker look
            if not torch.isfinite(wide).all():
                return name
    return None
