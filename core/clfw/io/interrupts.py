"""Ctrl-C and SIGTERM: during training the first asks, the second leaves, and no save is broken off."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Any


def sent_by_signal(error: KeyboardInterrupt) -> bool:
    """Whether Ctrl-C raised it, and no `raise` in Python code."""
    import dis

    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    instruction = trace and trace.tb_frame.f_code.co_code[trace.tb_lasti]
    return instruction != dis.opmap["RAISE_VARARGS"]


class StopRequest:
    """Within the block, the first signal sets `number`, and the second leaves: a save ends before.

    Where `at_once` is set, it makes the error that the first signal raises on the spot. Python calls
    a handler between two operations only, and one may take minutes; so a thread hears of every signal
    too, and whichever of the two comes first answers it.
    """

    def __init__(self, way_on: str = "") -> None:
        """`way_on` is the command that goes on from the last checkpoint."""
        self.number = 0
        self.at_once: Callable[[int], BaseException] | None = None  # once all is saved
        self._way_on = way_on
        self._saving = False
        self._count = 0
        self._answered: dict[int, object] = {}
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "StopRequest":
        if threading.current_thread() is threading.main_thread():
            reader, self._writer = os.pipe()
            os.set_blocking(self._writer, False)
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
            self._earlier = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
            self._thread = threading.Thread(target=self._listen, args=(reader,), daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._before:
            signal.set_wakeup_fd(self._earlier)
            os.close(self._writer)
            self._thread.join()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextlib.contextmanager
    def saving(self) -> Iterator[None]:
        """Inside, the second signal lets the save end, and the third leaves."""
        self._saving = True
        try:
            yield
        finally:
            self._saving = False

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._count += 1
        if self.at_once is not None and self._count == 1:
            raise self.at_once(number)
        self.number = self.number or number
        self._answer(self._count, number)

    def _listen(self, reader: int) -> None:
        """Answer the signals, which the system writes into the pipe at once, until it is closed."""
        count = 0
        while number := os.read(reader, 1):
            if number[0] in self._before:
                count += 1
                self._answer(count, number[0])
        os.close(reader)

    def _answer(self, count: int, number: int) -> None:
        """What the `count`-th signal brings about, once."""
        mine = object()
        if self._answered.setdefault(count, mine) is not mine:
            return
        if count == 1:
            if self.at_once is None:
                tell("stopping after this step, then saving; once more to leave at once")
        elif count == 2 and self._saving:
            tell("still saving; once more to leave at once")
        else:
            tell(f"left at once; the last checkpoint is intact: {self._way_on}")
            os._exit(128 + number)


def tell(line: str) -> None:
    """Write to stderr itself: the interrupted code may hold the lock of the stream above it."""
    with contextlib.suppress(OSError):
        os.write(2, f"{line}\n".encode())
