"""The decoded pictures of some rows: a memory-mapped uint8 array, made once, in parallel."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clfw.decoding import decode, quiet_reference
from clfw.errors import ClfwError, DataError, OutputError, joined, printable
from clfw.preprocess import Preprocess
from clfw.source import Source, Table
from clfw.storage import cache_folder

CHUNK = 64  # rows a thread decodes before it takes the next piece
Tick = Callable[[int], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class PixelStore:
    """Decoded pictures.

    Attributes:
        images: (N, H, W, C) uint8, in the order of the rows asked for; a private map of the cache.
        digest: hash of all pixels.
        cached: whether they were there already.
    """

    images: NDArray[np.uint8]
    digest: str
    cached: bool


def open_pixels(
    source: Source, table: Table, rows: NDArray[np.int64], preprocess: Preprocess, tick: Tick
) -> PixelStore:
    """The pictures of `rows`, decoded now or on an earlier day.

    The key is each row's stamp and the decode part of `preprocess`: editing labels decodes nothing.

    Raises:
        DataError: every picture that does not decode, with its row; nothing is cached then.
    """
    key = hashlib.sha256(preprocess.decode_part().encode())
    key.update("\0".join([table.stamps[row] for row in rows]).encode(errors="surrogateescape"))
    folder = cache_folder("pixels") / key.hexdigest()[:32]
    shape = (len(rows), preprocess.height, preprocess.width, preprocess.channels)
    digest = stored_digest(folder, int(np.prod(shape)))
    cached = digest is not None
    if digest is None:
        if folder.exists() and stored_digest(folder, int(np.prod(shape))) is None:
            shutil.rmtree(folder, ignore_errors=True)  # damaged, not just finished by another
        digest = write_store(folder, source, table, rows, preprocess, tick)
    # Copy-on-write, so that torch may hold the map as a tensor; nothing ever writes to it.
    images = np.memmap(folder / "pixels.u8", np.uint8, "c", shape=shape)
    return PixelStore(images=images, digest=digest, cached=cached)


def stored_digest(folder: Path, size: int) -> str | None:
    """The hash of a finished store whose pixels take `size` bytes; None for none or a damaged one."""
    try:
        meta = json.loads((folder / "meta.json").read_text())
        whole = (folder / "pixels.u8").stat().st_size == size
        return str(meta["sha256"]) if whole else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_store(
    folder: Path,
    source: Source,
    table: Table,
    rows: NDArray[np.int64],
    preprocess: Preprocess,
    tick: Tick,
) -> str:
    """Decode into a folder of another name, then rename it; a reader sees all of it or nothing.

    Returns the hash of all pixels.
    """
    shape = (len(rows), preprocess.height, preprocess.width, preprocess.channels)
    require_room(folder.parent, int(np.prod(shape)))
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".making-"))
    try:
        images = np.memmap(temporary / "pixels.u8", np.uint8, "w+", shape=shape)
        decode_rows(source, table, rows, preprocess, images, tick)
        images.flush()
        digest = hashlib.sha256(images.data).hexdigest()
        meta = {"shape": shape, "sha256": digest, "decode": preprocess.decode_part()}
        (temporary / "meta.json").write_text(json.dumps(meta))
        try:
            os.rename(temporary, folder)
        except OSError:  # another process was faster; its store holds the same bytes
            if stored_digest(folder, images.nbytes) is None:
                raise
        return digest
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror}") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def require_room(folder: Path, size: int) -> None:
    """Raise when the disk has less than `size` bytes free: a full disk kills a memory map by signal."""
    free = shutil.disk_usage(folder).free
    if free < size + (16 << 20):
        raise OutputError(
            f"{folder}: the decoded pictures need {size / 1e6:,.0f} MB and {free / 1e6:,.0f} MB are free",
            hint="free some space or name another place with CLFW_CACHE_DIR",
        )


def decode_rows(
    source: Source,
    table: Table,
    rows: NDArray[np.int64],
    preprocess: Preprocess,
    images: NDArray[np.uint8],
    tick: Tick,
) -> None:
    """Fill `images` in parallel; raises one `DataError` that lists every bad row."""

    def work(start: int) -> list[str]:
        faults = []
        numbers: Sequence[int] = rows[start : start + CHUNK].tolist()
        for offset, row in enumerate(numbers):
            try:
                images[start + offset] = decode(source.read(row), preprocess)
            except ClfwError as error:
                faults.append(f"{where(row)}: {error.message}")
            except Exception as error:  # a reader's fault, which its row helps to find
                text = printable(str(error))
                faults.append(f"{where(row)}: {type(error).__name__}: {text}")
        tick(len(numbers))
        return faults

    def where(row: int) -> str:
        return f"{table.places[row]}: {printable(table.keys[row])}"

    with quiet_reference(), ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        faults = [fault for part in pool.map(work, range(0, len(rows), CHUNK)) for fault in part]
    if faults:
        raise DataError(
            joined("pictures that cannot be read", faults), hint="repair or remove these files"
        )


def measure(
    images: NDArray[np.uint8], positions: NDArray[np.int64]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation per channel, of pixels over 255, by exact counts.

    Args:
        images: (N, H, W, C) uint8.
        positions: (M,) which of them to measure.
    """
    counts = np.zeros((images.shape[3], 256), dtype=np.int64)
    for start in range(0, len(positions), 1024):
        part = images[positions[start : start + 1024]]
        for channel in range(images.shape[3]):
            counts[channel] += np.bincount(part[..., channel].ravel(), minlength=256)
    levels = np.arange(256) / 255
    total = counts.sum(axis=1)
    mean = (counts @ levels) / total
    variance = (counts @ levels**2) / total - mean**2
    spread = np.maximum(np.sqrt(np.maximum(variance, 0)), 1 / 255)  # a blank set has none
    return tuple(round(float(m), 6) for m in mean), tuple(round(float(s), 6) for s in spread)
