"""Progress of something that takes longer than a second, as whoever does it reports it."""

from collections.abc import Callable

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
