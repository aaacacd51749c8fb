"""Keeps a run's training safe in its folder: checkpoints when due, and a resume to the same bits."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from clfw import checkpoints, runs, storage
from clfw.checkpoints import Snapshot
from clfw.claim import Claim
from clfw.errors import ClfwError, DataError, StorageError, printable
from clfw.history import append_history, read_history
from clfw.interrupts import StopRequest
from clfw.job import Say
from clfw.recipe import Recipe
from clfw.record import EpochReport
from clfw.resuming import plan_changes
from clfw.stateparts import moments
from clfw.trainingstate import TrainingState, saved_counters

FOLDER = "checkpoints"
COUNTERS_ROOM = 100_000  # bytes; what a checkpoint takes besides tensors of the model's size
GROWING = (runs.METRICS, runs.STEPS)  # files that are cut back to where a checkpoint left them


class Stopped(ClfwError):
    """Training left off at a person's or the system's wish; everything is saved."""

    def __init__(self, message: str, *, hint: str, signal_number: int) -> None:
        super().__init__(message, hint=hint)
        self.exit_code = 128 + signal_number


def needed_room(model: nn.Module, recipe: Recipe) -> int:
    """Bytes that the checkpoints of a training take at most, with the one that is being written."""
    state: int = sum(tensor.nbytes for tensor in model.state_dict().values())
    copies = (
        1 + len(moments(recipe) - {"step"}) + (recipe.keep == "best") + (recipe.ema is not None)
    )
    return (checkpoints.KEPT + 1) * (copies * state + COUNTERS_ROOM)


class RunKeeper:
    """Checkpoints in `RUN/checkpoints`: the beginning, every so often, the end, and on a signal."""

    def __init__(
        self,
        run: Path,
        claim: Claim,
        stop: StopRequest,
        every: int | None,
        seconds: float,
        plan: dict[str, Any],
        again: str,
        tell: Callable[[EpochReport], None] | None,
        say: Say,
    ) -> None:
        """`every` counts updates; without it epochs' ends are kept, at most every `seconds`.

        `plan` has the values that the training is made with; they may not change on the way.
        `again` is the command that goes on. `tell` hears of each epoch once that is kept; where
        there is one, every epoch's end is kept.
        """
        self._run = run
        self._claim = claim
        self._stop = stop
        self._every = every
        self._seconds = seconds
        self._plan = plan
        self._again = again
        self._tell = tell
        self._untold: EpochReport | None = None
        self._say = say
        self._saved_at = time.monotonic()
        self._saved_step = -1
        self._sizes = dict.fromkeys(GROWING, 0)

    def begin(self, state: TrainingState) -> None:
        """Go back to the latest checkpoint, or save the very first as a trial of the disk."""
        folder = self._run / FOLDER
        self._claim.require()
        if folder.exists():
            storage.sweep(folder)
        snapshot, faults = checkpoints.latest(folder)
        for fault in faults:
            self._say(f"warning: {fault}; it is left as it is, and an earlier one is used")
        if snapshot is None:
            self.settle()
            self._save(state)
            return
        try:
            counters = saved_counters(snapshot)
        except ValueError as error:
            reason = printable(" ".join(str(error).split()))
            raise DataError(f"{folder}: step {snapshot.step} is malformed: {reason}") from None
        if changes := plan_changes(counters.plan, self._plan):
            raise DataError(
                f"{self._run}: {runs.PLAN} is not what the training was made with: {changes[0]}",
                hint="put it back as it was, or start a new run with the new values",
            )
        self._sizes = {name: counters.files.get(name, 0) for name in GROWING}
        self.settle()
        state.restore(snapshot, read_history(self._run))
        self._saved_step = snapshot.step
        self._say(f"resumed from step {snapshot.step} of {state.total}")

    def note(self, report: EpochReport) -> None:
        """Add an epoch to the files that grow."""
        self._claim.require()
        self.settle()
        append_history(self._run, report)
        self._untold = report
        for name in GROWING:
            self._sizes[name] = (self._run / name).stat().st_size

    def settle(self) -> None:
        """Cut the growing files to what this process knows of.

        What is behind it comes from after the checkpoint, or from a process that was overtaken.
        """
        for name, size in self._sizes.items():
            path = self._run / name
            found = path.stat().st_size if path.exists() else 0
            if found != size:
                self._claim.require()
            if found < size:
                raise DataError(f"{path}: is shorter than at the checkpoint")
            if found > size:
                storage.cut(path, size)

    def consider(self, state: TrainingState) -> None:
        """Save when due; raise `Stopped` after saving when a signal has come."""
        if state.step != self._saved_step and (self._stop.number or self._due(state)):
            state.record.aside(lambda: self._save(state))
        if self._tell and self._untold:
            report, self._untold = self._untold, None
            state.record.aside(partial(self._tell, report))
        if self._stop.number and state.step == self._saved_step:
            message = f"stopped at step {state.step} of {state.total}"
            raise self.stopped(message, self._stop.number)

    def stopped(self, message: str, signal_number: int) -> Stopped:
        """The error that ends the process once everything is saved."""
        return Stopped(
            f"{message}, and saved",
            hint=f"go on with: {self._again}",
            signal_number=signal_number,
        )

    def _due(self, state: TrainingState) -> bool:
        at_epoch_end = state.record.updates == 0
        if state.finished or (at_epoch_end and self._tell):
            return True
        if self._every is not None:
            return state.step % self._every == 0
        return at_epoch_end and time.monotonic() - self._saved_at >= self._seconds

    def _save(self, state: TrainingState) -> None:
        self._claim.require()
        snapshot = state.snapshot()
        self.settle()
        for name, size in self._sizes.items():
            if size:
                storage.sync_path(self._run / name)
        counters = {**snapshot.counters, "files": dict(self._sizes), "plan": self._plan}
        folder = self._run / FOLDER
        full = Snapshot(step=snapshot.step, tensors=snapshot.tensors, counters=counters)
        try:
            checkpoints.commit(folder, full, self._claim.require)
        except StorageError as error:
            hint = f"free some space, then: {self._again}"
            raise StorageError(error.message, hint=hint) from error
        self._saved_at, self._saved_step = time.monotonic(), snapshot.step
