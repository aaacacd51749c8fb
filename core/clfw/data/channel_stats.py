"""Mean and standard deviation of the training pictures: measured once, cached with the pictures."""

import contextlib
import hashlib
import json
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from clfw.data.pixels import PixelStore
from clfw.errors import StorageError
from clfw.io.json_text import canonical_json
from clfw.io.storage import write_atomically

STATS = "levels.json"
PIECE = 1 << 22  # values measured at a time
SMALL = 1 << 24  # bytes; measuring fewer is faster than reading a file
ChannelStats = tuple[
    tuple[float, ...], tuple[float, ...]
]  # mean and standard deviation per channel


def stats_of(store: PixelStore, positions: NDArray[np.int64]) -> ChannelStats:
    """`measure` of a store's pictures at `positions`; cached for a large store."""
    if store.images.nbytes <= SMALL:
        return measure(store.images, positions, store.pixels.forget)
    path = store.folder / STATS
    try:
        cached = json.loads(path.read_bytes())
        mean, std = (tuple(values) for values in cached["levels"])
        if cached["sha256"] == checksum_of(store, positions, (mean, std)):
            return mean, std
    except (OSError, ValueError, KeyError, TypeError):  # absent or damaged
        pass
    stats = measure(store.images, positions, store.pixels.forget)
    content = {"levels": stats, "sha256": checksum_of(store, positions, stats)}
    with contextlib.suppress(StorageError):  # cleared meanwhile, or read-only
        write_atomically(path, json.dumps(content).encode())
    return stats


def checksum_of(store: PixelStore, positions: NDArray[np.int64], stats: ChannelStats) -> str:
    """Hash of the statistics and of the pictures they belong to."""
    digest = hashlib.sha256(f"{store.digest} {canonical_json(stats)} ".encode())
    digest.update(positions.tobytes())
    return digest.hexdigest()


def measure(
    images: NDArray[np.uint8],
    positions: NDArray[np.int64],
    on_piece: Callable[[], None] = lambda: None,
) -> ChannelStats:
    """Mean and standard deviation per channel, of pixels over 255, by exact counts.

    Args:
        images: (N, H, W, C) uint8.
        positions: (M,) which of them to measure.
        on_piece: called after each piece.
    """
    counts = np.zeros((images.shape[3], 256), dtype=np.int64)
    step = max(1, PIECE // images[0].size)
    for start in range(0, len(positions), step):
        part = images[positions[start : start + step]]
        flat = part.reshape(len(part), -1, images.shape[3])
        for channel in range(images.shape[3]):
            histogram = cv2.calcHist([flat], [channel], None, [256], [0, 256])  # exact to 2 ** 24
            counts[channel] += histogram.reshape(256).astype(np.int64)
        on_piece()
    levels = np.arange(256) / 255
    total = counts.sum(axis=1)
    mean = (counts @ levels) / total
    variance = (counts @ levels**2) / total - mean**2
    spread = np.maximum(np.sqrt(np.maximum(variance, 0)), 1 / 255)  # a blank set has 0
    return tuple(round(float(m), 6) for m in mean), tuple(round(float(s), 6) for s in spread)
