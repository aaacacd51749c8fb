"""`clfw run`, which says the time after its first update and ends there: a process of first_start.py.

python benchmarks/first_step.py MODEL DATA [FOLDER OF FULL SETS]
"""

import os
import sys
import time
from dataclasses import replace

from clfw.cli import outcome
from clfw.training.loop import StandardTrainer
from clfw.training.protocols import Checkpointer, FitResult, TrainInputs
from clfw.training.setup import Engine
from clfw.training.train_state import TrainState


class Leaves:
    """Keeps the beginning as every run does, and leaves after the first update."""

    def __init__(self, checkpointer: Checkpointer) -> None:
        self._keeper = checkpointer

    def restore_or_start(self, state: TrainState) -> None:
        self._keeper.restore_or_start(state)

    def maybe_save(self, state: TrainState) -> None:
        print(time.time(), flush=True)
        os._exit(0)  # nothing that comes later is asked about


class OneStep(StandardTrainer):
    """Trains for one update."""

    def fit(self, job: TrainInputs) -> FitResult:
        return super().fit(replace(job, checkpointer=Leaves(job.checkpointer)))


def main(model: str, data: str, *folder: str) -> None:
    """Run until the first update is done, or say why not."""
    command = ["run", "--model", model, "--data", data]
    for path in folder:
        command += ["--data-dir", path]
    sys.exit(outcome(command, Engine(trainer=OneStep())))


if __name__ == "__main__":
    main(*sys.argv[1:])
