"""What the updates of an epoch did, kept on the device until the epoch ends."""

import time
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from clfw.api.reports import EpochReport, EvaluationPoint
from clfw.models.batches import Batch


class EpochMeter:
    """The updates of one epoch: (loss, accuracy, gradient norm) of each, on the device.

    They have their place from the start: a small tensor kept at every update would lie among the large
    ones that come and go, and leave holes that the next do not fit in.

    Attributes:
        loss: () of the batch under way, over its parts so far.
    """

    def __init__(self, device: torch.device, updates: int) -> None:
        """The epoch has `updates` at most."""
        self.loss = torch.zeros((), device=device)
        self._correct = torch.zeros((), device=device)
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
    def rows(self) -> Tensor:
        """(S, 3): loss, accuracy and gradient norm of the updates done."""
        return self._rows[: self.updates]

    def add(self, loss: Tensor, logits: Tensor, part: Batch) -> None:
        """Take in one part of a batch, after its backward pass."""
        self.loss = self.loss + loss.detach()
        self._correct = self._correct + (logits.detach().argmax(1) == part.targets).sum()

    def update(self, norm: Tensor, size: int) -> None:
        """Close a batch of `size` pictures; `norm` is that of its gradient before clipping."""
        row = self._rows[self.updates]
        torch.stack((self.loss, self._correct / size, norm), out=row)
        self._sizes.append(size)
        self.loss, self._correct = torch.zeros_like(self.loss), torch.zeros_like(self._correct)

    def paused(self, work: Callable[[], None]) -> None:
        """Do something that does not count as training time."""
        before = time.perf_counter()
        work()
        self._elsewhere += time.perf_counter() - before

    def report(
        self, epoch: int, step: int, lr: float, points: tuple[EvaluationPoint, ...]
    ) -> EpochReport:
        """The epoch in numbers; the host waits for the device here."""
        rows = self.rows.double().cpu()
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

    def state_dict(self) -> dict[str, Tensor]:
        """The rows so far, for a checkpoint in the middle of an epoch; empty before the first update."""
        if not self._sizes:
            return {}
        return {"rows": self.rows.clone(), "sizes": torch.tensor(self._sizes)}

    def load_state_dict(self, tensors: Mapping[str, Tensor]) -> None:
        """Take up the rows of a checkpoint; raises `ValueError` where they are malformed."""
        if tensors:
            rows, sizes = tensors["rows"], tensors["sizes"]
            if rows.shape != (len(sizes), 3) or rows.dtype != self.loss.dtype or sizes.min() < 1:
                raise ValueError("the epoch's updates so far are malformed")
            self._rows[: len(rows)] = rows
            self._sizes = sizes.tolist()
            self._restored = sum(self._sizes)
