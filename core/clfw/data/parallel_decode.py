"""Pictures of many rows decoded in parallel, handed over in order."""

import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from clfw.api.preprocess import Preprocess
from clfw.api.source import Source
from clfw.data.decoding import decode, silence_pillow
from clfw.errors import ClfwError
from clfw.text import escape

CHUNK = 64  # rows that a thread decodes at a time, at most
CHUNK_BYTES = 1 << 21  # of decoded pictures in a chunk, so that the last one's memory is reused
TRIALS = 7  # pictures decoded to see how long one takes
QUICK = 1e-4  # seconds a picture; below it, threads only slow each other down
Images = NDArray[np.uint8]
Decoded = tuple[Images, dict[int, str]]


def decode_rows(
    source: Source,
    rows: NDArray[np.int64],
    preprocess: Preprocess,
    take: Callable[[Images], None],
) -> dict[int, str]:
    """Give the pictures of `rows` to `take`, (B, H, W, C) at a time and in order.

    `take` runs in this thread while others decode the next pictures, a bounded number ahead. A picture
    that does not decode is black.

    Returns:
        Why a picture does not decode, by position.
    """
    size = preprocess.height, preprocess.width, preprocess.channels
    chunk = max(1, min(CHUNK, CHUNK_BYTES // int(np.prod(size))))
    faults: dict[int, str] = {}

    def work(start: int, count: int = chunk) -> Decoded:
        found: dict[int, str] = {}
        numbers: Sequence[int] = rows[start : start + count].tolist()
        images = np.zeros((len(numbers), *size), np.uint8)
        for place, row in enumerate(numbers):
            try:
                images[place] = decode(source.read(row), preprocess)
            except ClfwError as error:
                found[start + place] = error.message
            except Exception as error:  # a reader's bug, which the row helps to find
                found[start + place] = f"{type(error).__name__}: {escape(str(error))}"
        return images, found

    def hand_over(done: Decoded) -> None:
        images, found = done
        faults.update(found)
        take(images)

    with silence_pillow():
        hand_over(work(0, 1))  # opens what the source opens lazily
        start_time = time.thread_time()
        trial = work(1, TRIALS)
        quick = time.thread_time() - start_time < TRIALS * QUICK
        hand_over(trial)
        workers = 1 if quick else os.cpu_count() or 1
        ahead: deque[Future[Decoded]] = deque()
        with ThreadPoolExecutor(workers) as pool:
            try:
                for start in range(1 + TRIALS, len(rows), chunk):
                    ahead.append(pool.submit(work, start))
                    if len(ahead) > 2 * workers:
                        hand_over(ahead.popleft().result())
                while ahead:
                    hand_over(ahead.popleft().result())
            finally:  # after an error, do not wait for chunks that have not started
                pool.shutdown(wait=False, cancel_futures=True)
    return faults
