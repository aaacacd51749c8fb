"""The IDX format: a header with type and dimensions, then bytes. Checked before it is believed.

Offsets in messages count the unpacked bytes.
"""

import math
import struct
import zlib
from typing import TYPE_CHECKING

from clfw.errors import DataError
from clfw.io.file_tree import MAX_MEMBER

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

GZIP_MAGIC = b"\x1f\x8b"
GZIP_RATIO = 1032  # deflate packs no tighter
LONGEST_HEADER = 4 + 4 * 255
TYPES = {8: "unsigned byte", 9: "signed byte", 11: "short", 12: "int", 13: "float", 14: "double"}


def read_idx(data: bytes, name: str, ranks: tuple[int, ...], what: str) -> "NDArray[np.uint8]":
    """The array in `data`, IDX or gzipped IDX of unsigned bytes.

    Args:
        ranks: numbers of dimensions that will do; 1 for labels, 3 for grey pictures.
        what: "images" or "labels", for messages.

    Raises:
        DataError: file, offset, what was expected and what was found.
    """
    packed = data.startswith(GZIP_MAGIC)
    head = unpacked(data, LONGEST_HEADER, name) if packed else data[:LONGEST_HEADER]
    shape = read_header(head, name, ranks, what)
    start = 4 + 4 * len(shape)
    size = start + math.prod(shape)
    room = min(len(data) * GZIP_RATIO, MAX_MEMBER) if packed else len(data)
    if size > room:
        raise DataError(
            f"{name}: offset 4: dimensions {words(shape)} need {size:,} bytes, "
            f"and the file {'can hold at most' if packed else 'holds'} {room:,}",
            hint="the file is cut short or damaged; fetch or copy it again",
        )
    if packed:
        data = unpacked(data, size + 1, name, whole=size)
    if len(data) != size:
        raise DataError(
            f"{name}: offset {size}: the data should end here, by its dimensions "
            f"{words(shape)}, and more bytes follow",
            hint="the file is damaged; fetch or copy it again",
        )
    import numpy as np  # here, because this floor stands above it

    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)


def read_header(head: bytes, name: str, ranks: tuple[int, ...], what: str) -> tuple[int, ...]:
    """The dimensions that the header states, none of them 0."""
    if len(head) < 4:
        raise DataError(f"{name}: offset {len(head)}: the file ends inside its header")
    zero, kind, rank = struct.unpack(">HBB", head[:4])
    expected = " or ".join(f"0x{0x0800 + r:08x}" for r in ranks)
    if zero != 0 or kind not in TYPES:
        raise DataError(
            f"{name}: offset 0: magic number 0x{head[:4].hex()}, expected {expected}",
            hint="it is no IDX file",
        )
    if kind != 8:
        raise DataError(
            f"{name}: offset 2: data type 0x{kind:02x} ({TYPES[kind]}), "
            "expected 0x08 (unsigned byte)"
        )
    if rank not in ranks:
        raise DataError(
            f"{name}: offset 3: {rank} dimensions, expected {' or '.join(map(str, ranks))} "
            f"for {what}",
            hint="are the files for pictures and labels exchanged?" if rank in (1, 3) else "",
        )
    if len(head) < 4 + 4 * rank:
        raise DataError(f"{name}: offset {len(head)}: the file ends inside its header")
    shape: tuple[int, ...] = struct.unpack(f">{rank}I", head[4 : 4 + 4 * rank])
    for axis, side in enumerate(shape):
        if not side:
            raise DataError(f"{name}: offset {4 + 4 * axis}: dimension {axis + 1} is 0")
    if rank == 4 and shape[3] not in (1, 3):
        raise DataError(f"{name}: offset 16: {shape[3]} channels, expected 1 or 3")
    return shape


def unpacked(data: bytes, at_most: int, name: str, whole: int | None = None) -> bytes:
    """The first `at_most` bytes of gzip data.

    Args:
        whole: the size that all of it should have; the stream's end and checksum are then checked.
    """
    inflate = zlib.decompressobj(wbits=31)
    try:
        plain = inflate.decompress(data, at_most)
    except zlib.error as error:
        raise DataError(
            f"{name}: the gzip data is damaged: {error}",
            hint="fetch or copy the file again",
        ) from None
    if whole is None:
        return plain
    if len(plain) < whole or (len(plain) == whole and not inflate.eof):
        raise DataError(
            f"{name}: offset {len(plain)}: the gzip data ends here, expected {whole:,} bytes",
            hint="the file is cut short; fetch or copy it again",
        )
    if inflate.unused_data:
        raise DataError(
            f"{name}: {len(inflate.unused_data):,} bytes follow the gzip data",
            hint="the file is damaged; fetch or copy it again",
        )
    return plain


def words(shape: tuple[int, ...]) -> str:
    """`shape` as in "60000 x 28 x 28"."""
    return " x ".join(map(str, shape))
