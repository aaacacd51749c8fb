"""What an epoch's updates did, kept on the device until the epoch ends; the guard of every update."""

import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from clfw.api.reports import EpochReport, EvaluationPoint
from clfw.config.recipe import Recipe
from clfw.models.batches import Batch
from clfw.text import escape
from clfw.training.optimizers import Optimizer


class EpochMeter:
    """The updates of one epoch: (loss, accuracy, gradient norm) of each, on the device.

    They have their place from the start: a small tensor kept at every update would lie among the large
    ones that come and go, and leave holes that the next do not fit in.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        names: Sequence[str],
        recipe: Recipe,
        device: torch.device,
        updates: int,
    ) -> None:
        """`names` are those of the optimiser's parameters; the epoch has `updates` at most."""
        self._optimizer = optimizer
        self._names = names
        self._clip = recipe.clip_norm
        self._parameters = optimizer.parameters
        self._measured: list[str] = []  # the parameters that had a gradient, and its norms:
        self._norms = torch.zeros(0, device=device)
        self._bad = torch.zeros((), device=device)  # 1 from the first value that is not finite on
        self._loss = torch.zeros((), device=device)
        self._right = torch.zeros((), device=device)
        self._rows = torch.zeros(updates, 3, device=device)  # of updates to come: zeros
        self._sizes: list[int] = []
        self._restored = 0  # pictures of this epoch that an earlier process has seen
        self._start = time.perf_counter()
        self._elsewhere = 0.0

    @property
    def updates(self) -> int:
        """Updates done in this epoch."""
        return len(self._sizes)

    @property
    def _done(self) -> Tensor:
        """(S, 3): the rows of the updates done."""
        return self._rows[: self.updates]

    def add(self, loss: Tensor, logits: Tensor, part: Batch) -> None:
        """Take in one part of a batch, after its backward pass."""
        self._loss = self._loss + loss.detach()
        self._right = self._right + (logits.detach().argmax(1) == part.targets).sum()

    def close_update(self, size: int) -> None:
        """Before the optimiser's step: measure and clip the gradient, and forbid a step that is bad.

        The fused optimisers skip an update whose `found_inf` is 1; the flag stays 1, so that no
        later update hides the first bad one. Nothing here makes the host wait.
        """
        found = [
            (name, p.grad)
            for name, p in zip(self._names, self._parameters, strict=True)
            if p.grad is not None
        ]
        gradients = [gradient for _, gradient in found]
        norms = torch.stack(torch._foreach_norm(gradients))
        norm = torch.linalg.vector_norm(norms)
        if self._clip is not None:
            torch.nn.utils.clip_grads_with_norm_(self._parameters, self._clip, norm)
        self._note_norms([name for name, _ in found], norms)
        self._bad = torch.maximum(self._bad, (~torch.isfinite(self._loss + norm)).float())
        self._optimizer.found_inf = self._bad
        row = self._rows[self.updates]
        torch.stack((self._loss, self._right / size, norm), out=row)
        self._sizes.append(size)
        self._loss, self._right = torch.zeros_like(self._loss), torch.zeros_like(self._right)

    def paused(self, work: Callable[[], None]) -> None:
        """Do something that does not count as training time."""
        before = time.perf_counter()
        work()
        self._elsewhere += time.perf_counter() - before

    def first_nonfinite(self) -> tuple[int, str] | None:
        """The epoch's first update that was not finite, from 0, and what was hit; None for none."""
        if not self._bad.item():
            return None
        rows = self._done
        first = int((~torch.isfinite(rows)).any(1).nonzero()[0])
        return first, self._bad_gradient() if torch.isfinite(rows[first, 0]) else "loss"

    def unfinished(self) -> list[tuple[float, float, float]]:
        """(loss, accuracy, gradient norm) of each update so far, up to the first that was bad."""
        bad = self.first_nonfinite()
        rows = self._done if bad is None else self._done[: bad[0] + 1]
        return [(a, b, c) for a, b, c in rows.double().cpu().tolist()]

    def _note_norms(self, measured: list[str], norms: Tensor) -> None:
        """Keep the norms of this update, unless an earlier one was bad; those tell which gradient."""
        if self._measured != measured:
            self._measured, self._norms = measured, norms
        else:
            self._norms = torch.where(self._bad > 0, self._norms, norms)

    def _bad_gradient(self) -> str:
        """Which gradient was not finite in the first bad update."""
        bad = (~torch.isfinite(self._norms)).nonzero().flatten().tolist()
        if not bad:
            return "norm of all gradients"
        return f"gradient of parameter '{escape(self._measured[bad[0]])}'"

    def report(
        self, epoch: int, step: int, lr: float, points: tuple[EvaluationPoint, ...]
    ) -> EpochReport:
        """The epoch in numbers; the one place where the host waits for the device."""
        rows = self._done.double().cpu()
        sizes = torch.tensor(self._sizes, dtype=torch.float64)
        seconds = time.perf_counter() - self._start - self._elsewhere
        loss, accuracy, _ = ((rows * sizes[:, None]).sum(0) / sizes.sum()).tolist()
        return EpochReport(
            epoch=epoch,
            step=step,
            loss=loss,
            accuracy=accuracy,
            gradient_norm=float(rows[:, 2].mean()),
            lr=lr,
            evaluations=points,
            seconds=seconds,
            images_per_second=(float(sizes.sum()) - self._restored) / seconds,
            steps=tuple((a, b, c) for a, b, c in rows.tolist()),
        )

    def tensors(self) -> dict[str, Tensor]:
        """The rows so far, for a checkpoint in the middle of an epoch."""
        if not self._sizes:
            return {}
        return {"rows": self._done.clone(), "sizes": torch.tensor(self._sizes)}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Take up the rows of a checkpoint."""
        if tensors:
            rows, sizes = tensors["rows"], tensors["sizes"]
            if rows.shape != (len(sizes), 3) or rows.dtype != self._loss.dtype or sizes.min() < 1:
                raise ValueError("the epoch's updates so far are malformed")
            self._rows[: len(rows)] = rows
            self._sizes = sizes.tolist()
            self._restored = sum(self._sizes)
