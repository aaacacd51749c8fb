"""Training that left the finite numbers: where it was, and what was hit first."""

from collections.abc import Collection, Sequence

from clfw.errors import Diverged
from clfw.text import escape

HINT = "lower the learning rate, for instance --lr 0.001, or add --set train.clip_norm=1"


def moment_of(step: int, total: int, updates_per_epoch: int) -> str:
    """A step as a person finds it in `steps.csv`, and the epoch that it belongs to."""
    epoch = max(step - 1, 0) // updates_per_epoch + 1
    return f"step {step} of {total} (epoch {epoch})"


def place_of(name: str, parameters: Collection[str], optimized: Sequence[str]) -> str:
    """What a tensor of a saved state is; `optimised` has the parameters in the optimiser's order."""
    part, _, inner = name.partition("/")
    if part == "model":
        return f"{'parameter' if inner in parameters else 'buffer'} '{escape(inner)}'"
    if part == "ema":
        return f"average of '{escape(inner)}'"
    if part == "optimizer":
        number, _, moment = inner.partition("/")
        return f"{moment} of '{escape(optimized[int(number)])}'"
    return f"{part} '{escape(inner)}'"


def diverged(moment: str, what: str) -> Diverged:
    """The error for a value that is not finite."""
    return Diverged(f"{moment}: {what} is not finite", hint=HINT)
