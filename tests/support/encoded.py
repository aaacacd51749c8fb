"""Encoded pictures of every kind, made for a test."""

import io
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]


def noise(height: int, width: int, channels: int = 3, seed: int = 0) -> Pixels:
    """(H, W) or (H, W, 3) uint8 without any structure."""
    shape = (height, width) if channels == 1 else (height, width, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def soft(height: int, width: int, seed: int = 0) -> Pixels:
    """(H, W, 3) uint8 without sharp edges."""
    coarse = noise(5, 5, seed=seed)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def encoded(picture: "Pixels | Image.Image", form: str, **options: Any) -> bytes:
    """The picture as a file of Pillow's making."""
    buffer = io.BytesIO()
    whole = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    whole.save(buffer, form, **options)
    return buffer.getvalue()


def png_of(chunks: Sequence[tuple[bytes, bytes]]) -> bytes:
    """A PNG file of these chunks, each with the right checksum."""
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def chunks_of(png: bytes) -> list[tuple[bytes, bytes]]:
    """The chunks of a PNG file."""
    position, chunks = 8, []
    while position < len(png):
        (length,) = struct.unpack_from(">I", png, position)
        body = png[position + 8 : position + 8 + length]
        chunks.append((png[position + 4 : position + 8], body))
        position += 12 + length
    return chunks


def png_header(
    width: int, height: int, depth: int = 8, color: int = 0, interlace: int = 0
) -> bytes:
    """The body of an IHDR chunk."""
    return struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlace)


def interlaced_png(picture: Pixels) -> bytes:
    """(H, W) or (H, W, 3) uint8 as a PNG in the seven passes of Adam7."""
    height, width = picture.shape[:2]
    passes = ("0088", "0488", "4084", "0244", "2042", "0122", "1021")
    lines = b""
    for top, left, down, right in (map(int, numbers) for numbers in passes):
        part = picture[top::down, left::right]
        if part.size:
            lines += b"".join(b"\0" + row.tobytes() for row in part)
    color = 0 if picture.ndim == 2 else 2
    header = png_header(width, height, color=color, interlace=1)
    return png_of([(b"IHDR", header), (b"IDAT", zlib.compress(lines)), (b"IEND", b"")])


def turned_jpeg(picture: Pixels, orientation: int, before: int = 0) -> bytes:
    """A JPEG that says by Exif how it is to be turned, behind `before` bytes of other segments."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(picture, "JPEG", exif=exif, quality=95)
    filler = b"\xff\xe2" + struct.pack(">H", before + 2) + bytes(before) if before else b""
    return data[:2] + filler + data[2:]
