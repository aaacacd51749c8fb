"""Training that left the finite numbers: where it was, and what was hit first."""

from collections.abc import Collection, Sequence

from clfw.errors import Diverged, printable

HINT = "lower the learning rate, for instance --lr 0.001, or add --set train.clip_norm=1"


def moment_of(step: int, total: int, updates_per_epoch: int) -> str:
    """A step as a person finds it in `steps.csv`, and the epoch that it belongs to."""
    epoch = max(step - 1, 0) // updates_per_epoch + 1
    return f"step {step} of {total} (epoch {epoch})"


def place_of(name: str, parameters: Collection[str], optimised: Sequence[str]) -> str:
    """What a tensor of a saved state is; `optimised` has the parameters in the optimiser's order."""
    part, _, inner = name.partition("/")
    if part == "model":
        return f"{'parameter' if inner in parameters else 'buffer'} '{printable(inner)}'"
    if part == "ema":
        return f"average of '{printable(inner)}'"
    if part == "optimizer":
        number, _, moment = inner.partition("/")
        return f"{moment} of '{printable(optimised[int(number)])}'"
    return f"{part} '{printable(inner)}'"


def diverged(moment: str, what: str) -> Diverged:
    """The error for a value that is not finite."""
    return Diverged(f"{moment}: {what} is not finite", hint=HINT)
