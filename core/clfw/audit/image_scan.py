"""Every picture of a dataset scanned at full size: format, whether it decodes, hashes. Cached."""

import hashlib
import io
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from clfw.api.preprocess import DECODER
from clfw.api.source import FileSource, Source, Table
from clfw.data.decoding import (
    FORMATS,
    checked_array,
    decode_bytes,
    is_plain_jpeg,
    is_plain_png,
    silence_pillow,
)
from clfw.data.parallel_decode import CHUNK
from clfw.errors import ClfwError
from clfw.io.progress import Advance
from clfw.io.storage import cache_folder, touch, write_atomically
from clfw.text import escape

VERSION = 1  # increase when `PICTURE` would hold other values
PHOTOGRAPH = 64  # pixels of the shorter side, below which no dHash is made
DHASH_SIDE = 16  # rows and columns of the hash that finds near duplicates
DHASH_BYTES = DHASH_SIDE * DHASH_SIDE // 8
FLAT = 2  # grey levels between neighbours that count as no difference
ORIENTATION = 0x0112  # the Exif tag

# One picture. Mean and mean square are per channel, of pixels over 255; grey is repeated three times.
PICTURE = np.dtype(
    [
        ("suffix", "U5"), ("form", "U5"), ("mode", "U6"), ("height", "i4"), ("width", "i4"), ("frames", "i4"),
        ("turned", "?"), ("channels", "u1"), ("content", "V16"), ("pixels", "V16"), ("mean", "f8", 3),
        ("square", "f8", 3), ("sketch", f"V{DHASH_BYTES}"),
    ]
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class ScannedImages:
    """The pictures of a table.

    Attributes:
        pictures: (N,) of dtype `PICTURE`; zeros for a picture that does not decode.
        faults: why a picture does not decode, by its row.
        cached: whether they come from the cache.
    """

    pictures: NDArray[Any]
    faults: dict[int, str]
    cached: bool


def scan_images(source: Source, table: Table, advance: Advance, name: str = "") -> ScannedImages:
    """Scan every picture, or take it from the cache by stamp and key; bad ones are scanned again.

    `name` is the data's, shown by `clfw cache`.
    """
    key = hashlib.sha256(f"{VERSION}/{DECODER}/".encode())
    for column in (table.versions, table.keys):
        key.update("\0".join([*column, ""]).encode(errors="surrogateescape"))
    path = cache_folder("examined") / f"{key.hexdigest()[:32]}.npy"
    pictures = read_scan(path, len(table.keys))
    cached = pictures is not None
    if pictures is None:
        pictures = np.zeros(len(table.keys), PICTURE)
    faults = scan_all(source, table, pictures, np.flatnonzero(pictures["form"] == ""), advance)
    if not cached:
        packed = io.BytesIO()
        np.save(packed, pictures, allow_pickle=False)
        # After the array, where NumPy stops reading.
        packed.write(json.dumps({"data": name}).encode())
        write_atomically(path, packed.getvalue())
    return ScannedImages(pictures=pictures, faults=faults, cached=cached)


def read_scan(path: Path, count: int) -> NDArray[Any] | None:
    """A cached scan of `count` pictures; None if it is absent or damaged."""
    try:
        pictures: NDArray[Any] = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    if pictures.dtype != PICTURE or pictures.shape != (count,):
        return None
    touch(path)
    return pictures


def scan_all(
    source: Source,
    table: Table,
    pictures: NDArray[Any],
    wanted: NDArray[np.int64],
    advance: Advance,
) -> dict[int, str]:
    """Fill the wanted rows of `pictures` in parallel; returns why rows do not decode."""
    name_of = source.file_name if isinstance(source, FileSource) else table.keys.__getitem__

    def work(start: int) -> list[tuple[int, str]]:
        faults = []
        rows = wanted[start : start + CHUNK].tolist()
        for row in rows:
            try:
                pictures[row] = (suffix_of(name_of(row)), *scan_image(source.read(row)))
            except ClfwError as error:
                faults.append((row, error.message))
            except Exception as error:  # a reader's bug, which the row helps to find
                faults.append((row, f"{type(error).__name__}: {escape(str(error))}"))
        advance(len(rows))
        return faults

    starts = range(0, len(wanted), CHUNK)
    with silence_pillow(), ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return dict(fault for part in pool.map(work, starts) for fault in part)


def scan_image(data: "bytes | NDArray[Any]") -> tuple[Any, ...]:
    """One picture as the fields of `PICTURE` after its suffix.

    Raises:
        DataError: it does not decode.
    """
    if isinstance(data, np.ndarray):
        pixels = checked_array(data)
        content = pixels.tobytes()
        kind = FileFacts("array", "L" if pixels.shape[2] == 1 else "RGB")
    else:
        pixels, content = decode_bytes(data), data
        kind = facts_of(data)
    height, width, channels = pixels.shape
    whole = np.ascontiguousarray(pixels)
    mean, deviation = cv2.meanStdDev(whole)
    mean, square = mean / 255, (deviation**2 + mean**2) / 255**2
    return (
        kind.form,
        kind.mode,
        height,
        width,
        kind.frames,
        kind.turned,
        channels,
        digest(content),
        digest(f"{height}x{width}x{channels}/".encode(), whole.data),
        mean[:, 0],  # one value is repeated three times
        square[:, 0],
        dhash(whole) if min(height, width) >= PHOTOGRAPH else bytes(DHASH_BYTES),
    )


def suffix_of(name: str) -> str:
    """The suffix of a file name in lower case, without its dot; "" if it is long."""
    stem, dot, suffix = name.rpartition(".")
    return suffix.lower() if stem and dot and len(suffix) <= 5 and "/" not in suffix else ""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What a file says about its picture: format, Pillow's mode, rotation, frames."""

    form: str
    mode: str
    turned: bool = False
    frames: int = 1


def facts_of(data: bytes) -> FileFacts:
    """What a file that decodes says about its picture."""
    if channels := is_plain_png(data):
        return FileFacts("PNG", "L" if channels == 1 else "RGB")
    if data.startswith(b"\xff\xd8\xff") and is_plain_jpeg(data):
        return FileFacts("JPEG", "RGB")
    from PIL import Image

    with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
        return FileFacts(
            str(picture.format),
            "PA" if picture.mode == "P" and "transparency" in picture.info else picture.mode,
            picture.getexif().get(ORIENTATION, 1) != 1,
            getattr(picture, "n_frames", 1),
        )


def digest(head: bytes, rest: "bytes | memoryview" = b"") -> bytes:
    """The first 16 bytes of SHA-256."""
    hashed = hashlib.sha256(head)
    hashed.update(rest)
    return hashed.digest()[:16]


def dhash(pixels: NDArray[np.uint8]) -> bytes:
    """The dHash: whether each cell of a coarse grid is brighter than its left neighbour, packed bits.

    Scaling, compression and small changes of colour leave most bits unchanged.
    """
    gray = pixels[:, :, 0] if pixels.shape[2] == 1 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    grid = cv2.resize(gray, (DHASH_SIDE + 1, DHASH_SIDE), interpolation=cv2.INTER_AREA).astype(
        np.int16
    )
    return np.packbits(grid[:, 1:] - grid[:, :-1] > FLAT).tobytes()


def rows_by(digests: NDArray[Any], rows: Sequence[int]) -> list[list[int]]:
    """The rows grouped by equal digest."""
    together: dict[bytes, list[int]] = {}
    for row in rows:
        together.setdefault(digests[row].tobytes(), []).append(row)
    return list(together.values())
