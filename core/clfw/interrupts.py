"""Ctrl-C and SIGTERM during training: the first asks, the third ends at once."""

import os
import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import Any


class StopRequest:
    """Within the block, signals set `number` instead of breaking off."""

    def __init__(self) -> None:
        self.number = 0
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
        if self._count == 1:
            self.number = number
            print("stopping after this step; saving", file=sys.stderr, flush=True)
        elif self._count == 2:
            print("still saving; once more to end at once", file=sys.stderr, flush=True)
        else:
            os._exit(128 + number)
