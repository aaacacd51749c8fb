"""Progress bars on stderr: pace and the time that remains; silent without a terminal."""

import sys
import threading
import time

from clfw.io.progress import ProgressBar

REDRAW = 0.1  # seconds between updates of the screen


class RichBar(ProgressBar):
    """A bar drawn by rich, redrawn ten times a second however often it is advanced."""

    def __init__(self, what: str, total: int | None, unit: str = "images") -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            ProgressColumn,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        counts: tuple[ProgressColumn, ...] = (
            TextColumn("{task.completed:,.0f}/{task.total:,.0f}"),
            TextColumn("{task.fields[rate]:,.0f} " + f"{unit}/s"),
        )
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            *((DownloadColumn(), TransferSpeedColumn()) if unit == "bytes" else counts),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            auto_refresh=False,
        )
        self._progress.start()
        self._task = self._progress.add_task(what, total=total, rate=0.0)
        self._start = self._drawn = time.monotonic()
        self._done = 0
        self._lock = threading.Lock()

    def advance(self, count: int) -> None:
        with self._lock:  # decoding advances it from several threads
            self._done += count
            now = time.monotonic()
            if now - self._drawn < REDRAW:
                return
            self._drawn = now
            rate = self._done / (now - self._start)
            self._progress.update(self._task, completed=self._done, rate=rate, refresh=True)

    def close(self) -> None:
        self._progress.stop()


def show_progress(what: str, total: int) -> ProgressBar:
    """A bar for `total` pictures; one that shows nothing where stderr is no terminal."""
    return RichBar(what, total) if sys.stderr.isatty() else ProgressBar()


def show_bytes(what: str, total: int) -> ProgressBar:
    """A bar for `total` bytes, 0 where nobody knows."""
    return RichBar(what, total or None, "bytes") if sys.stderr.isatty() else ProgressBar()
