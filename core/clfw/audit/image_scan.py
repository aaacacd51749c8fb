"""Every picture of a set looked at in its full size: what it is, whether it decodes, its hashes. Cached."""

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
from clfw.data.pixels import Tick
from clfw.errors import ClfwError
from clfw.io.storage import cache_folder, touch, write_atomically
from clfw.text import escape

VERSION = 1  # raise when a picture would be described otherwise
PHOTOGRAPH = 64  # pixels of the shorter side, below which no sketch is made
DHASH_SIDE = 16  # rows and columns of the sketch by which near duplicates are known
DHASH_BYTES = DHASH_SIDE * DHASH_SIDE // 8
FLAT = 2  # grey levels between neighbours, up to which a picture is flat there
ORIENTATION = 0x0112  # the Exif tag

# One picture. Mean and mean square are per channel, of pixels over 255; grey ones fill three.
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
        pictures: (N,) of dtype `PICTURE`; zeros where a picture does not decode.
        faults: why a picture does not decode, by its row.
        cached: whether they were looked at on an earlier day.
    """

    pictures: NDArray[Any]
    faults: dict[int, str]
    cached: bool


def scan_images(source: Source, table: Table, tick: Tick, name: str = "") -> ScannedImages:
    """Look at every picture, or remember it by its stamp and key; bad ones are looked at again.

    `name` is the data's, for those who look into the cache.
    """
    key = hashlib.sha256(f"{VERSION}/{DECODER}/".encode())
    for column in (table.versions, table.keys):
        key.update("\0".join([*column, ""]).encode(errors="surrogateescape"))
    path = cache_folder("examined") / f"{key.hexdigest()[:32]}.npy"
    pictures = remembered(path, len(table.keys))
    cached = pictures is not None
    if pictures is None:
        pictures = np.zeros(len(table.keys), PICTURE)
    faults = scan_all(source, table, pictures, np.flatnonzero(pictures["form"] == ""), tick)
    if not cached:
        packed = io.BytesIO()
        np.save(packed, pictures, allow_pickle=False)
        packed.write(json.dumps({"data": name}).encode())  # behind the array, where NumPy stops
        write_atomically(path, packed.getvalue())
    return ScannedImages(pictures=pictures, faults=faults, cached=cached)


def remembered(path: Path, count: int) -> NDArray[Any] | None:
    """What was seen of `count` pictures on an earlier day; None for nothing or a damaged file."""
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
    tick: Tick,
) -> dict[int, str]:
    """Fill the wanted rows of `pictures` in parallel; what is wrong with those that do not decode."""
    name_of = source.file_name if isinstance(source, FileSource) else table.keys.__getitem__

    def work(start: int) -> list[tuple[int, str]]:
        faults = []
        rows = wanted[start : start + CHUNK].tolist()
        for row in rows:
            try:
                pictures[row] = (suffix_of(name_of(row)), *scan_image(source.read(row)))
            except ClfwError as error:
                faults.append((row, error.message))
            except Exception as error:  # a reader's fault, which its row helps to find
                faults.append((row, f"{type(error).__name__}: {escape(str(error))}"))
        tick(len(rows))
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
        kind = Kind("array", "L" if pixels.shape[2] == 1 else "RGB")
    else:
        pixels, content = decode_bytes(data), data
        kind = kind_of(data)
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
        mean[:, 0],  # one value fills three
        square[:, 0],
        dhash(whole) if min(height, width) >= PHOTOGRAPH else bytes(DHASH_BYTES),
    )


def suffix_of(name: str) -> str:
    """What follows the last dot of a file's name, in small letters, where that is short."""
    stem, dot, suffix = name.rpartition(".")
    return suffix.lower() if stem and dot and len(suffix) <= 5 and "/" not in suffix else ""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a file says of its picture: format, Pillow's name of the mode, rotation, frames."""

    form: str
    mode: str
    turned: bool = False
    frames: int = 1


def kind_of(data: bytes) -> Kind:
    """What a file that decodes says of its picture."""
    if channels := is_plain_png(data):
        return Kind("PNG", "L" if channels == 1 else "RGB")
    if data.startswith(b"\xff\xd8\xff") and is_plain_jpeg(data):
        return Kind("JPEG", "RGB")
    from PIL import Image

    with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
        return Kind(
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
    """Whether each field of a coarse grid is brighter than its left neighbour, as packed bits.

    Scaling, compression and small changes of colour leave most of them as they are.
    """
    gray = pixels[:, :, 0] if pixels.shape[2] == 1 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    grid = cv2.resize(gray, (DHASH_SIDE + 1, DHASH_SIDE), interpolation=cv2.INTER_AREA).astype(
        np.int16
    )
    return np.packbits(grid[:, 1:] - grid[:, :-1] > FLAT).tobytes()


def rows_by(digests: NDArray[Any], rows: Sequence[int]) -> list[list[int]]:
    """Rows of equal digest together."""
    together: dict[bytes, list[int]] = {}
    for row in rows:
        together.setdefault(digests[row].tobytes(), []).append(row)
    return list(together.values())
