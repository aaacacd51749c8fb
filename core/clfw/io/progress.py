"""Progress of long work, reported by whoever does it."""

from collections.abc import Callable

Progress = Callable[[str, int], "ProgressBar"]  # what is done, total
Advance = Callable[[int], None]  # told how many more are done


class ProgressBar:
    """Receives progress; this one shows nothing."""

    def advance(self, count: int) -> None:
        """`count` more items are done."""

    def close(self) -> None:
        """The work has ended."""


def no_progress(what: str, total: int) -> ProgressBar:
    """A `Progress` that shows nothing."""
    return ProgressBar()
