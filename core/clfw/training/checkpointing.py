"""Keeps a run's training safe in its folder: checkpoints when due, and a resume to the same bits."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from clfw.api import run_files
from clfw.api.reports import EpochReport
from clfw.artifacts.append_only_file import AppendOnlyFile
from clfw.artifacts.history import append_history, append_steps, read_history
from clfw.artifacts.recorded_run import plan_changes
from clfw.artifacts.run_lock import RunLock
from clfw.config.optimizers import OPTIMIZERS
from clfw.config.recipe import Recipe
from clfw.errors import ClfwError, DataError, Diverged, StorageError
from clfw.io import storage
from clfw.io.interrupts import StopRequest
from clfw.text import escape
from clfw.training import checkpoints
from clfw.training.checkpoints import Snapshot
from clfw.training.protocols import Say, State
from clfw.training.state_schema import Counters
from clfw.training.train_state import saved_counters

FOLDER = "checkpoints"
COUNTERS_SPACE = 100_000  # bytes; what a checkpoint takes besides tensors of the model's size
APPENDED = (
    run_files.METRICS,
    run_files.STEPS,
)  # files that are cut back to where a checkpoint left them


class Stopped(ClfwError):
    """Training left off at a person's or the system's wish; everything is saved."""

    def __init__(self, message: str, *, hint: str, signal_number: int) -> None:
        super().__init__(message, hint=hint)
        self.exit_code = 128 + signal_number


def needed_space(model: nn.Module, recipe: Recipe) -> int:
    """Bytes that the checkpoints of a training take at most, with the one that is being written."""
    state: int = sum(tensor.nbytes for tensor in model.state_dict().values())
    kept = OPTIMIZERS[recipe.optimizer].state_names(recipe.optimizer_params)
    copies = 1 + len(kept - {"step"}) + (recipe.keep == "best") + (recipe.ema is not None)
    return (checkpoints.KEPT + 1) * (copies * state + COUNTERS_SPACE)


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckpointPolicy:
    """When the state of training is kept, and what a checkpoint has to agree with.

    Attributes:
        every: updates between checkpoints; None for epochs' ends, at most every `seconds`.
        seconds: least time between checkpoints at epochs' ends.
        plan: the values that the training is made with, by dotted name; they may not change on the way.
        phase: the part of the training that the checkpoints are of.
        resume_command: what a person types to go on.
    """

    every: int | None
    seconds: float
    plan: Mapping[str, Any]
    phase: str
    resume_command: str


class CheckpointManager:
    """Checkpoints in `RUN/checkpoints`: the beginning, every so often, the end, and on a signal."""

    def __init__(
        self,
        run: Path,
        lock: RunLock,
        stop: StopRequest,
        policy: CheckpointPolicy,
        notify: Callable[[EpochReport], None] | None,
        say: Say,
    ) -> None:
        """`notify` hears of each epoch once it is kept; where there is one, every epoch's end is kept."""
        self._run = run
        self._lock = lock
        self._stop = stop
        self._policy = policy
        self._notify = notify
        self._pending: EpochReport | None = None
        self._say = say
        self._saved_at = time.monotonic()
        self._saved_step = -1
        self._state: State | None = None
        self._growing = {name: AppendOnlyFile(run / name) for name in APPENDED}

    def restore_or_start(self, state: State) -> None:
        """Go back to the latest checkpoint, or save the very first as a trial of the disk."""
        folder = self._run / FOLDER
        self._state = state
        self._lock.check()
        if folder.exists():
            storage.remove_temporaries(folder)
        snapshot, faults = checkpoints.latest(folder)
        for fault in faults:
            self._say(f"warning: {fault}; it is left as it is, and an earlier one is used")
        if snapshot is None:
            self._refuse_rows(folder)
            self.truncate_logs()
            self._save(state)
            return
        try:
            counters = saved_counters(snapshot)
        except ValueError as error:
            reason = escape(" ".join(str(error).split()))
            raise DataError(f"{folder}: step {snapshot.step} is malformed: {reason}") from None
        if changes := plan_changes(counters.plan, dict(self._policy.plan)):
            raise DataError(
                f"{self._run}: {run_files.PLAN} is not what the training was made with: {changes[0]}",
                hint="put it back as it was, or start a new run with the new values",
            )
        if counters.phase != self._policy.phase:
            raise DataError(
                f"{folder}: step {snapshot.step} is of the phase '{escape(counters.phase)}', "
                f"and the run is in '{self._policy.phase}'"
            )
        if fault := self._fault(counters):
            raise DataError(fault, hint=self._way_round())
        for name, file in self._growing.items():
            file.set_known(counters.files.get(name, 0))
        self.truncate_logs()
        state.restore(snapshot, read_history(self._run))
        self._saved_step = snapshot.step
        self._say(f"resumed from step {snapshot.step} of {state.total}")

    def log_epoch(self, report: EpochReport) -> None:
        """Add an epoch to the files that grow."""
        self._lock.check()
        self.truncate_logs()
        append_history(self._run, report)
        self._pending = report
        for file in self._growing.values():
            file.absorb()

    @contextmanager
    def flush_on_divergence(self) -> Iterator[None]:
        """Where training diverges inside, the rows of the epoch under way are written: they tell why.

        A resume cuts them off again.
        """
        try:
            yield
        except Diverged:
            self._lock.check()
            self.truncate_logs()
            if self._state is not None and (rows := self._state.unfinished_rows()):
                begun = self._state.step - self._state.meter.updates
                append_steps(self._run, begun + len(rows), rows)
            raise

    def truncate_logs(self) -> None:
        """Cut the growing files to what this process knows of.

        What is behind it comes from after the checkpoint, or from a process that was overtaken.
        """
        for file in self._growing.values():
            if file.found != file.size:
                self._lock.check()
            if file.found < file.size:
                raise DataError(
                    f"{file.path}: has become shorter: {file.found} bytes, and {file.size} before",
                    hint=f"let nothing else write there, and: {self._policy.resume_command}",
                )
            if file.found > file.size:
                file.truncate()

    def _fault(self, counters: Counters) -> str:
        """What is wrong with the files that grow for a state with these counters; "" for nothing."""
        for name, file in self._growing.items():
            if fault := file.fault(counters.files.get(name, 0), counters.digests.get(name, "")):
                return f"{file.path}: {fault}"
        return ""

    def _way_round(self) -> str:
        """What a person can do where those files do not fit the latest checkpoint."""
        unfit: list[str] = []
        for path in checkpoints.listed(self._run / FOLDER):
            with suppress(DataError, ValueError):  # what is damaged is passed over by a resume
                earlier = checkpoints.read(path)
                if not self._fault(saved_counters(earlier)):
                    return (
                        f"move {' and '.join(unfit)} away, "
                        f"then go on from step {earlier.step}: {self._policy.resume_command}"
                    )
                unfit.append(str(path))
        return f"start a new run; {self._run / run_files.PLAN} has every value of this one"

    def _refuse_rows(self, folder: Path) -> None:
        """The beginning is kept before there is any row, so rows without a checkpoint are a loss."""
        for file in self._growing.values():
            if file.found:
                raise DataError(
                    f"{folder}: there is no checkpoint, and {file.path.name} has rows",
                    hint="put the checkpoints back, or start a new run",
                )

    def maybe_save(self, state: State) -> None:
        """Save when due; raise `Stopped` after saving when a signal has come."""
        if state.step != self._saved_step and (self._stop.number or self._due(state)):
            state.meter.paused(lambda: self._save(state))
        if self._notify and self._pending:
            report, self._pending = self._pending, None
            state.meter.paused(partial(self._notify, report))
        if self._stop.number and state.step == self._saved_step:
            message = f"stopped at step {state.step} of {state.total}"
            raise self.stopped(message, self._stop.number)

    def stopped(self, message: str, signal_number: int) -> Stopped:
        """The error that ends the process once everything is saved."""
        return Stopped(
            f"{message}, and saved",
            hint=f"go on with: {self._policy.resume_command}",
            signal_number=signal_number,
        )

    def _due(self, state: State) -> bool:
        at_epoch_end = state.meter.updates == 0
        if state.finished or (at_epoch_end and self._notify):
            return True
        if self._policy.every is not None:
            return state.step % self._policy.every == 0
        return at_epoch_end and time.monotonic() - self._saved_at >= self._policy.seconds

    def _save(self, state: State) -> None:
        self._lock.check()
        snapshot = state.snapshot()
        self.truncate_logs()
        for file in self._growing.values():
            file.sync()
        counters = {
            **snapshot.counters,
            "files": {name: file.size for name, file in self._growing.items()},
            "digests": {name: file.digest for name, file in self._growing.items()},
            "plan": dict(self._policy.plan),
            "phase": self._policy.phase,
        }
        folder = self._run / FOLDER
        full = Snapshot(step=snapshot.step, tensors=snapshot.tensors, counters=counters)
        try:
            with self._stop.saving():
                checkpoints.commit(folder, full, self._lock.check)
        except StorageError as error:
            hint = f"free some space, then: {self._policy.resume_command}"
            raise StorageError(error.message, hint=hint) from error
        self._saved_at, self._saved_step = time.monotonic(), snapshot.step
