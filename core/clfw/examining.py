"""Every picture of a set looked at in its full size: what it is, whether it decodes, its hashes. Cached."""

import hashlib
import io
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from zipfile import BadZipFile

import cv2
import numpy as np
from numpy.typing import NDArray

from clfw.decoding import (
    FORMATS,
    checked_array,
    decode_bytes,
    plain_jpeg,
    plain_png,
    quiet_reference,
)
from clfw.errors import ClfwError, printable
from clfw.pixels import CHUNK, Tick
from clfw.preprocess import DECODER
from clfw.source import Source, Table
from clfw.storage import cache_folder, write_atomically

VERSION = 1  # raise when a picture would be described otherwise
SKETCH = 16  # rows and columns of the sketch by which near duplicates are known
ORIENTATION = 0x0112  # the Exif tag

# One picture. Digests are SHA-256 cut to 128 bits; mean and square are per channel, of pixels over 255.
PICTURE = np.dtype(
    [
        ("form", "U5"), ("mode", "U6"), ("height", "i4"), ("width", "i4"), ("frames", "i4"),
        ("turned", "?"), ("channels", "u1"), ("content", "u1", 16), ("pixels", "u1", 16),
        ("mean", "f8", 3), ("square", "f8", 3), ("sketch", "u1", SKETCH * SKETCH // 8),
    ]
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Examined:
    """The pictures of a table.

    Attributes:
        pictures: (N,) of dtype `PICTURE`; zeros where a picture does not decode.
        faults: why a picture does not decode, by its row.
        cached: whether they were looked at on an earlier day.
    """

    pictures: NDArray[Any]
    faults: dict[int, str]
    cached: bool


def examine(source: Source, table: Table, tick: Tick) -> Examined:
    """Look at every picture, or remember it by the rows' stamps."""
    key = hashlib.sha256(f"{VERSION}/{DECODER}/".encode())
    key.update("\0".join(table.stamps).encode(errors="surrogateescape"))
    path = cache_folder("examined") / f"{key.hexdigest()[:32]}.npz"
    try:
        with np.load(path) as parts:
            faults = {int(row): fault for row, fault in json.loads(parts["faults"].tobytes())}
            return Examined(pictures=parts["pictures"], faults=faults, cached=True)
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):  # absent or damaged
        pass
    pictures = np.zeros(len(table.keys), PICTURE)
    faults = look_at_all(source, pictures, tick)
    packed = io.BytesIO()
    listed = np.frombuffer(json.dumps(sorted(faults.items())).encode(), np.uint8)
    np.savez(packed, pictures=pictures, faults=listed)
    write_atomically(path, packed.getvalue())
    return Examined(pictures=pictures, faults=faults, cached=False)


def look_at_all(source: Source, pictures: NDArray[Any], tick: Tick) -> dict[int, str]:
    """Fill `pictures` in parallel; what is wrong with those that do not decode, by row."""

    def work(start: int) -> list[tuple[int, str]]:
        faults = []
        rows = range(start, min(start + CHUNK, len(pictures)))
        for row in rows:
            try:
                pictures[row] = look_at(source.read(row))
            except ClfwError as error:
                faults.append((row, error.message))
            except Exception as error:  # a reader's fault, which its row helps to find
                faults.append((row, f"{type(error).__name__}: {printable(str(error))}"))
        tick(len(rows))
        return faults

    starts = range(0, len(pictures), CHUNK)
    with quiet_reference(), ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return dict(fault for part in pool.map(work, starts) for fault in part)


def look_at(data: "bytes | NDArray[Any]") -> tuple[Any, ...]:
    """One picture as the fields of `PICTURE`.

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
    mean, deviation = (moment.ravel() / 255 for moment in cv2.meanStdDev(pixels))
    whole = np.ascontiguousarray(pixels)
    shape = f"{height}x{width}x{channels}/".encode()
    return (
        kind.form,
        kind.mode,
        height,
        width,
        kind.frames,
        kind.turned,
        channels,
        digest(content),
        digest(shape, whole),
        np.broadcast_to(mean, 3),
        np.broadcast_to(deviation**2 + mean**2, 3),
        sketch(whole),
    )


@dataclass(frozen=True, slots=True)
class Kind:
    """What a file says of its picture: format, Pillow's name of the mode, rotation, frames."""

    form: str
    mode: str
    turned: bool = False
    frames: int = 1


def kind_of(data: bytes) -> Kind:
    """What a file that decodes says of its picture."""
    if channels := plain_png(data):
        return Kind("PNG", "L" if channels == 1 else "RGB")
    if data.startswith(b"\xff\xd8\xff") and plain_jpeg(data):
        return Kind("JPEG", "RGB")
    from PIL import Image

    with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
        return Kind(
            str(picture.format),
            picture.mode,
            picture.getexif().get(ORIENTATION, 1) != 1,
            getattr(picture, "n_frames", 1),
        )


def digest(*parts: "bytes | NDArray[np.uint8]") -> NDArray[np.uint8]:
    """(16,) uint8."""
    hashed = hashlib.sha256()
    for part in parts:
        hashed.update(part)
    return np.frombuffer(hashed.digest()[:16], np.uint8)


def sketch(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Whether each field of a coarse grid is brighter than its right neighbour, as packed bits.

    Scaling, compression and small changes of colour leave most of them as they are.
    """
    grey = pixels[:, :, 0] if pixels.shape[2] == 1 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    grid = cv2.resize(grey, (SKETCH + 1, SKETCH), interpolation=cv2.INTER_AREA)
    return np.packbits(grid[:, 1:] > grid[:, :-1])


def rows_by(digests: NDArray[np.uint8], rows: Sequence[int]) -> list[list[int]]:
    """Rows of equal digest together."""
    together: dict[bytes, list[int]] = {}
    for row in rows:
        together.setdefault(digests[row].tobytes(), []).append(row)
    return list(together.values())
