"""`clfw run`, which says the time after its first update and ends there: a process of first_start.py.

python benchmarks/first_step.py MODEL DATA [FOLDER OF FULL SETS]
"""

import os
import sys
import time
from dataclasses import replace

from clfw.cli import outcome
from clfw.learning.job import Job, Keeper, Trained
from clfw.learning.training import StandardTrainer
from clfw.learning.trainingstate import TrainingState
from clfw.learning.workbench import Seams


class Leaves:
    """Keeps the beginning as every run does, and leaves after the first update."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    def begin(self, state: TrainingState) -> None:
        self._keeper.begin(state)

    def consider(self, state: TrainingState) -> None:
        print(time.time(), flush=True)
        os._exit(0)  # nothing that comes later is asked about


class OneStep(StandardTrainer):
    """Trains for one update."""

    def fit(self, job: Job) -> Trained:
        return super().fit(replace(job, keeper=Leaves(job.keeper)))


def main(model: str, data: str, *folder: str) -> None:
    """Run until the first update is done, or say why not."""
    command = ["run", "--model", model, "--data", data]
    for path in folder:
        command += ["--data-dir", path]
    sys.exit(outcome(command, Seams(trainer=OneStep())))


if __name__ == "__main__":
    main(*sys.argv[1:])
