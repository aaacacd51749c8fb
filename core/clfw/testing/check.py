"""What a check of the kit is: a call that raises `Fault` with one sentence."""

from collections.abc import Callable

Check = Callable[[], None]


class Fault(Exception):
    """A promise that is not kept, and what to change."""


def require(kept: object, sentence: str) -> None:
    """Raise `Fault` unless `kept`."""
    if not kept:
        raise Fault(sentence)
