"""The header of an untrusted safetensors file, read strictly. No torch.

The format is eight bytes of header length, a JSON header, then the tensors back to back. What the
format forbids is refused here, not left to a library: duplicate keys, holes, overlaps, unknown types,
huge numbers, names with control characters.
"""

import math
import struct
from dataclasses import dataclass
from typing import Any

from clfw.errors import DataError
from clfw.io.json_text import strict_json
from clfw.text import escape

MAX_HEADER = 25_000_000  # bytes
MAX_TENSORS = 100_000
MAX_NAME = 500  # characters
MAX_RANK = 16
BYTES = {
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "U16": 2, "I16": 2, "F16": 2,
    "BF16": 2, "U32": 4, "I32": 4, "F32": 4, "U64": 8, "I64": 8, "F64": 8,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TensorHeader:
    """What the header says.

    Attributes:
        metadata: text by key.
        tensors: dtype and shape by name.
    """

    metadata: dict[str, str]
    tensors: dict[str, tuple[str, tuple[int, ...]]]


def header_length(start: bytes, size: int, where: str) -> int:
    """The header's length, from the first bytes of a file of `size` bytes.

    Raises:
        DataError: not a safetensors file (says what it looks like), or an impossible length.
    """
    if len(start) < 9 or start[8:9] != b"{":
        raise DataError(
            f"{where}: not a safetensors file{looks_like(start)}",
            hint="name a run folder, its model.safetensors, or another file in that format",
        )
    (length,) = struct.unpack("<Q", start[:8])
    if not 2 <= length <= min(MAX_HEADER, size - 8):
        raise DataError(f"{where}: damaged: the header's length is {length}")
    return int(length)


def parse_header(text: bytes, payload: int, where: str) -> TensorHeader:
    """The header, for a file followed by `payload` bytes of tensors; `DataError` for any fault."""
    try:
        header = strict_json(text)
        if not isinstance(header, dict):
            raise ValueError("not an object")
        metadata = header.pop("__metadata__", {})
        if not isinstance(metadata, dict) or not all(type(v) is str for v in metadata.values()):
            raise ValueError("the metadata is not a table of strings")
        return TensorHeader(metadata, check_tensors(header, payload))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: damaged header: {escape(str(error))}") from None


def check_tensors(entries: dict[str, Any], payload: int) -> dict[str, tuple[str, tuple[int, ...]]]:
    """dtype and shape by name; raises `ValueError` unless they fill the payload end to end."""
    if len(entries) > MAX_TENSORS:
        raise ValueError(f"{len(entries)} tensors, over the limit of {MAX_TENSORS}")
    tensors, spans = {}, []
    for name, entry in entries.items():
        if not (0 < len(name) <= MAX_NAME and name.isprintable()):
            raise ValueError(f"the tensor name '{escape(name, 40)}' cannot be used")
        if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
            raise ValueError(f"{name}: the entry is malformed")
        dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
        if type(dtype) is not str or dtype not in BYTES:
            raise ValueError(f"{name}: unknown type {escape(repr(dtype), 40)}")
        if not (is_counts(shape) and len(shape) <= MAX_RANK):
            raise ValueError(f"{name}: the shape is malformed")
        if not (is_counts(offsets) and len(offsets) == 2):
            raise ValueError(f"{name}: the offsets are malformed")
        first, last = offsets
        if last - first != math.prod(shape) * BYTES[dtype]:
            raise ValueError(f"{name}: the shape does not match the byte count")
        tensors[name] = (dtype, tuple(shape))
        spans.append((first, last))
    end = 0
    for first, last in sorted(spans):
        if first != end:
            raise ValueError(f"the tensors leave a hole or overlap at byte {min(first, end)}")
        end = last
    if end != payload:
        raise ValueError(f"the tensors take {end} bytes, but there are {payload}")
    return tensors


def is_counts(value: object) -> bool:
    """Whether `value` is a list of integers from 0 to what a file can hold."""
    return isinstance(value, list) and all(type(n) is int and 0 <= n < 2**48 for n in value)


def looks_like(head: bytes) -> str:
    """What the first bytes look like, for the message."""
    lower = head[:64].lstrip().lower()
    if not head:
        return " (it is empty)"
    if head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return " (looks like a pickle; clfw never unpickles)"
    if head.startswith(b"PK\x03\x04"):
        return " (looks like a zip or a PyTorch pickle archive; clfw never unpickles)"
    if head.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")):
        return " (looks like a compressed archive: unpack it first)"
    if head[257:262] == b"ustar":
        return " (looks like a tar archive: unpack it first)"
    if lower.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        return " (looks like a web page)"
    if lower.startswith(b"version https://git-lfs"):
        return " (looks like a Git LFS pointer: run git lfs pull)"
    if head.startswith(b"\x89HDF"):
        return " (looks like an HDF5 file)"
    if not any(head):
        return " (it is full of zeros)"
    return ""
