"""What a person is told while work goes on: lines of talk, and bars for what takes longer than a second."""

from collections.abc import Callable
from dataclasses import dataclass

Progress = Callable[[str, int], "ProgressBar"]


class ProgressBar:
    """Counts what is done; this one shows nothing."""

    def advance(self, count: int) -> None:
        """`count` more are done."""

    def close(self) -> None:
        """Nothing more will come."""


def no_progress(what: str, total: int) -> ProgressBar:
    """Shows nothing."""
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
