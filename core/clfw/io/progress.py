"""What a person is told while work goes on: lines of talk, and bars for what takes longer than a second."""

from collections.abc import Callable
from dataclasses import dataclass

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


@dataclass(frozen=True, kw_only=True, slots=True)
class Console:
    """Where a person hears of the work: lines of talk, and bars. Silent unless told otherwise.

    Attributes:
        say: takes one line.
        progress: (what, total) to a bar.
    """

    say: Callable[[str], None] = lambda line: None
    progress: Progress = no_progress
