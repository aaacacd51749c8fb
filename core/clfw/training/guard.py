"""Values that are not finite: the update is skipped on the device, and the first of them is named."""

from collections.abc import Collection, Sequence

import torch
from torch import Tensor

from clfw.errors import Diverged
from clfw.text import escape

HINT = "lower the learning rate, for instance --lr 0.001, or add --set train.clip_norm=1"


class NonFiniteGuard:
    """Watches the loss and the gradients of every update, without making the host wait.

    The optimizers skip an update where `found_inf` is 1; it stays 1, so that no later update hides
    the first bad one.
    """

    def __init__(
        self, named_parameters: Sequence[tuple[str, Tensor]], device: torch.device
    ) -> None:
        self._named = named_parameters
        self._found_inf = torch.zeros((), device=device)
        self._measured: list[str] = []  # the parameters that had a gradient, and its norms
        self._norms = torch.zeros(0, device=device)

    def check(self, loss: Tensor, norm: Tensor, norms: Tensor) -> Tensor:
        """`found_inf` for the optimizer: () float, 1 from the first update on that is not finite.

        `norm` is that of all gradients together, `norms` has one of each, (G,).
        """
        measured = [name for name, parameter in self._named if parameter.grad is not None]
        if measured != self._measured:
            self._measured, self._norms = measured, norms
        else:  # those of the first bad update stay; they tell which gradient it was
            self._norms = torch.where(self._found_inf > 0, self._norms, norms)
        finite = torch.isfinite(loss + norm)
        self._found_inf = torch.maximum(self._found_inf, (~finite).float())
        return self._found_inf

    def first_bad(self, rows: Tensor) -> tuple[int, str] | None:
        """Of (S, 3) loss, accuracy and gradient norm the first row that is not finite, and what it was.

        The host waits for the device here.
        """
        if not self._found_inf.item():
            return None
        first = int((~torch.isfinite(rows)).any(1).nonzero()[0])
        return first, self._bad_gradient() if torch.isfinite(rows[first, 0]) else "loss"

    def _bad_gradient(self) -> str:
        """Which gradient was not finite in the first bad update."""
        bad = (~torch.isfinite(self._norms)).nonzero().flatten().tolist()
        if not bad:
            return "norm of all gradients"
        return f"gradient of parameter '{escape(self._measured[bad[0]])}'"


def describe_step(step: int, total: int, updates_per_epoch: int) -> str:
    """A step as a person finds it in `steps.csv`, and the epoch that it belongs to."""
    epoch = max(step - 1, 0) // updates_per_epoch + 1
    return f"step {step} of {total} (epoch {epoch})"


def describe_tensor(name: str, parameters: Collection[str], optimized: Sequence[str]) -> str:
    """What a tensor of a saved state is; `optimized` has the parameters in the optimizer's order."""
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
