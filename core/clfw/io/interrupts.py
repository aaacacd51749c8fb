"""Ctrl-C and SIGTERM during training: the first asks, the second quits, and no save is cut short."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Any


@contextlib.contextmanager
def noting_interrupts() -> Iterator[list[int]]:
    """Lists the SIGINTs that arrive in the block; each is handled as it would be outside.

    Tells Ctrl-C from a `KeyboardInterrupt` that code in the block raises by itself.
    """
    received: list[int] = []
    before = signal.getsignal(signal.SIGINT)

    def note(number: int, frame: FrameType | None) -> None:
        received.append(number)
        if callable(before):
            before(number, frame)

    if not callable(before) or threading.current_thread() is not threading.main_thread():
        yield received
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield received
    finally:
        if signal.getsignal(signal.SIGINT) is note:  # the block may have set a handler of its own
            signal.signal(signal.SIGINT, before)


class StopRequest:
    """Within the block, the first signal sets `number` and the second quits, after any save in progress.

    Where `at_once` is set, the first signal raises the error that it makes on the spot. Python calls
    a handler only between two operations, and one may take minutes; so a thread is woken by every
    signal too, and whichever of the two comes first answers it.
    """

    def __init__(self, resume_command: str = "") -> None:
        """`resume_command` is what continues from the last checkpoint."""
        self.number = 0
        self.at_once: Callable[[int], BaseException] | None = None  # once all is saved
        self._resume_command = resume_command
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
        """Inside, the second signal waits for the save to finish, and only the third quits."""
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
        """Answer signals, which the system writes into the pipe at once, until it is closed."""
        count = 0
        while number := os.read(reader, 1):
            if number[0] in self._before:
                count += 1
                self._answer(count, number[0])
        os.close(reader)

    def _answer(self, count: int, number: int) -> None:
        """React to the `count`-th signal, once."""
        mine = object()
        if self._answered.setdefault(count, mine) is not mine:
            return
        if count == 1:
            if self.at_once is None:
                tell("stopping after this step, then saving; interrupt again to quit at once")
        elif count == 2 and self._saving:
            tell("still saving; interrupt again to quit at once")
        else:
            tell(f"quit at once; the last checkpoint is intact: {self._resume_command}")
            os._exit(128 + number)


def tell(line: str) -> None:
    """Write to the stderr descriptor: the interrupted code may hold the lock of `sys.stderr`."""
    with contextlib.suppress(OSError):
        os.write(2, f"{line}\n".encode())
