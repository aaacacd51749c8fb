"""Keeps a run's training safe in its folder: checkpoints when due, and a resume to the same bits."""

import time
from pathlib import Path

from clfw import checkpoints, runs, storage
from clfw.checkpoints import Snapshot
from clfw.claim import Claim
from clfw.errors import ClfwError, DataError
from clfw.history import read_history
from clfw.interrupts import StopRequest
from clfw.job import Say
from clfw.trainingstate import TrainingState

FOLDER = "checkpoints"
GROWING = (runs.METRICS, runs.STEPS)  # files that are cut back to where a checkpoint left them


class Stopped(ClfwError):
    """Training left off at a person's or the system's wish; everything is saved."""

    def __init__(self, message: str, *, hint: str, signal_number: int) -> None:
        super().__init__(message, hint=hint)
        self.exit_code = 128 + signal_number


class RunKeeper:
    """Checkpoints in `RUN/checkpoints`: the beginning, every so often, the end, and on a signal."""

    def __init__(
        self,
        run: Path,
        claim: Claim,
        stop: StopRequest,
        every: int | None,
        seconds: float,
        say: Say,
    ) -> None:
        """`every` counts updates; without it epochs' ends are kept, at most every `seconds`."""
        self._run = run
        self._claim = claim
        self._stop = stop
        self._every = every
        self._seconds = seconds
        self._say = say
        self._saved_at = time.monotonic()
        self._saved_step = -1

    def begin(self, state: TrainingState) -> None:
        """Go back to the latest checkpoint, or save the very first as a trial of the disk."""
        folder = self._run / FOLDER
        if folder.exists():
            storage.sweep(folder)
        snapshot, faults = checkpoints.latest(folder)
        for fault in faults:
            self._say(f"warning: {fault}; it is left as it is, and an earlier one is used")
        if snapshot is None:
            self._cut_back({})
            self._save(state)
            return
        self._cut_back(snapshot.counters["files"])
        state.restore(snapshot, read_history(self._run))
        self._saved_step = snapshot.step
        self._say(f"resumed from step {snapshot.step} of {state.total}")

    def _cut_back(self, sizes: dict[str, int]) -> None:
        """Cut the growing files to what they held at the checkpoint."""
        for name in GROWING:
            path = self._run / name
            size = sizes.get(name, 0)
            if path.exists():
                if path.stat().st_size < size:
                    raise DataError(f"{path}: is shorter than at the checkpoint")
                with path.open("r+b") as file:
                    file.truncate(size)

    def consider(self, state: TrainingState) -> None:
        """Save when due; raise `Stopped` after saving when a signal has come."""
        signal_number = self._stop.number
        if signal_number or self._due(state):
            state.record.aside(lambda: self._save(state))
        if signal_number and not state.finished:
            raise Stopped(
                f"stopped at step {state.step} of {state.total}, and saved",
                hint=f"go on with: clfw resume {self._run}",
                signal_number=signal_number,
            )

    def _due(self, state: TrainingState) -> bool:
        if state.step == self._saved_step and state.record.updates:
            return False
        if state.finished:
            return True
        if self._every is not None:
            return state.step % self._every == 0
        at_epoch_end = state.record.updates == 0
        return at_epoch_end and time.monotonic() - self._saved_at >= self._seconds

    def _save(self, state: TrainingState) -> None:
        self._claim.require()
        snapshot = state.snapshot()
        sizes = {
            name: (self._run / name).stat().st_size if (self._run / name).exists() else 0
            for name in GROWING
        }
        counters = {**snapshot.counters, "files": sizes}
        folder = self._run / FOLDER
        checkpoints.commit(
            folder, Snapshot(step=snapshot.step, tensors=snapshot.tensors, counters=counters)
        )
        self._saved_at, self._saved_step = time.monotonic(), snapshot.step
