"""Ctrl-C and SIGTERM during training: the first asks, the third ends at once."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any


class StopRequest:
    """Within the block, the first signal sets `number` instead of breaking off.

    Where `at_once` is set, it makes the error that the first signal raises on the spot.
    """

    def __init__(self) -> None:
        self.number = 0
        self.at_once: Callable[[int], BaseException] | None = None  # once all is saved
        self._count = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "StopRequest":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._count += 1
        if self.at_once is not None and self._count == 1:
            raise self.at_once(number)
        if self._count == 1:
            self.number = number
            tell("stopping after this step; saving")
        elif self._count == 2:
            tell("still saving; once more to end at once")
        else:
            os._exit(128 + number)


def tell(line: str) -> None:
    """Write to stderr itself: the interrupted code may hold the lock of the stream above it."""
    with contextlib.suppress(OSError):
        os.write(2, f"{line}\n".encode())
