"""Mean and spread of the training pictures' levels: measured once, kept beside the pictures."""

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

KEPT = "levels.json"
PIECE = 1 << 22  # values that are looked at in one go, however large the set
QUICK = 1 << 24  # bytes; measuring fewer takes less time than a file does
ChannelStats = tuple[
    tuple[float, ...], tuple[float, ...]
]  # mean and standard deviation per channel


def stats_of(store: PixelStore, positions: NDArray[np.int64]) -> ChannelStats:
    """`measure` of a store's pictures at `positions`; of a large store, as it was found last time."""
    if store.images.nbytes <= QUICK:
        return measure(store.images, positions, store.pixels.forget)
    path = store.folder / KEPT
    try:
        kept = json.loads(path.read_bytes())
        mean, std = (tuple(values) for values in kept["levels"])
        if kept["sha256"] == checksum_of(store, positions, (mean, std)):
            return mean, std
    except (OSError, ValueError, KeyError, TypeError):  # absent or damaged
        pass
    levels = measure(store.images, positions, store.pixels.forget)
    content = {"levels": levels, "sha256": checksum_of(store, positions, levels)}
    with contextlib.suppress(StorageError):  # cleared away meanwhile, or nobody may write there
        write_atomically(path, json.dumps(content).encode())
    return levels


def checksum_of(store: PixelStore, positions: NDArray[np.int64], levels: ChannelStats) -> str:
    """The hash of what was measured, and of what it was measured on."""
    digest = hashlib.sha256(f"{store.digest} {canonical_json(levels)} ".encode())
    digest.update(positions.tobytes())
    return digest.hexdigest()


def measure(
    images: NDArray[np.uint8],
    positions: NDArray[np.int64],
    seen: Callable[[], None] = lambda: None,
) -> ChannelStats:
    """Mean and standard deviation per channel, of pixels over 255, by exact counts.

    Args:
        images: (N, H, W, C) uint8.
        positions: (M,) which of them to measure.
        seen: called after each piece of them.
    """
    counts = np.zeros((images.shape[3], 256), dtype=np.int64)
    step = max(1, PIECE // images[0].size)
    for start in range(0, len(positions), step):
        part = images[positions[start : start + step]]
        flat = part.reshape(len(part), -1, images.shape[3])
        for channel in range(images.shape[3]):
            seen_here = cv2.calcHist([flat], [channel], None, [256], [0, 256])  # exact to 2 ** 24
            counts[channel] += seen_here.reshape(256).astype(np.int64)
        seen()
    levels = np.arange(256) / 255
    total = counts.sum(axis=1)
    mean = (counts @ levels) / total
    variance = (counts @ levels**2) / total - mean**2
    spread = np.maximum(np.sqrt(np.maximum(variance, 0)), 1 / 255)  # a blank set has none
    return tuple(round(float(m), 6) for m in mean), tuple(round(float(s), 6) for s in spread)
