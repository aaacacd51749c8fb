"""A run in its folder: trained under a lock, with checkpoints, and told to a person and to loggers."""

import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

from clfw.api import run_files
from clfw.api.reports import EpochReport
from clfw.artifacts.recorded_run import frozen_values, resume_command
from clfw.artifacts.run_lock import RunLock
from clfw.io import text_files
from clfw.io.interrupts import StopRequest
from clfw.io.memory import reporting_out_of_memory
from clfw.models.batches import updates_per_epoch
from clfw.runs.assembly import Assembly
from clfw.runs.loggers import notify_loggers
from clfw.training.checkpointing import CheckpointManager, CheckpointPolicy
from clfw.training.protocols import FitResult
from clfw.training.state_schema import seed_generators

TRAINING = "training"  # the only phase so far; a linear probe before fine-tuning would be another


@dataclass(frozen=True, kw_only=True, slots=True)
class Run(Assembly):
    """An assembled run with a folder that it may write.

    Attributes:
        folder: the run folder.
        lock: the right to write it.
        started: `time.perf_counter()` when this process began with it, seconds.
        phases: what the training consists of, in order; a checkpoint names its own.
        writes: whether this process writes the folder; of several processes of one run, one does.
    """

    folder: Path
    lock: RunLock
    started: float
    phases: tuple[str, ...] = (TRAINING,)
    writes: bool = True

    @classmethod
    def of(cls, assembly: Assembly, folder: Path, lock: RunLock, started: float) -> "Run":
        """An assembled run, in `folder`."""
        parts = {field.name: getattr(assembly, field.name) for field in fields(assembly)}
        return cls(**parts, folder=folder, lock=lock, started=started)

    @property
    def resume_command(self) -> str:
        """What a person types to go on with it."""
        return resume_command(self.plan, self.folder)

    @property
    def is_finished(self) -> bool:
        """Whether its results are written."""
        return (self.folder / run_files.SUMMARY).exists()

    def writable(self, name: str) -> Path:
        """The path of a file of the run, once it is certain that this process may still write it.

        Raises:
            OutputError: another process has taken the folder over, or it is gone.
        """
        assert self.writes, "this process only computes"
        self.lock.check()
        return self.folder / name

    def write_json(self, name: str, value: Any) -> None:
        """A JSON file of the run, whole or not at all."""
        text_files.write_json(self.writable(name), value)

    def checkpoints(self, stop: StopRequest, phase: str) -> CheckpointManager:
        """What keeps the state of training in the folder."""
        return CheckpointManager(
            self.folder,
            self.lock,
            stop,
            CheckpointPolicy(
                every=self.recipe.checkpoint_steps,
                seconds=self.recipe.checkpoint_seconds,
                plan=frozen_values(self.plan.to_json()),
                phase=phase,
                resume_command=self.resume_command,
            ),
            partial(notify_loggers, self.plan, self.folder, self.console.say)
            if self.plan.loggers
            else None,
            self.console.say,
        )

    def fit(
        self, checkpoints: CheckpointManager, keep_weights: Callable[[EpochReport], None]
    ) -> FitResult:
        """Train to the end of the plan, from the latest checkpoint if there is one.

        `keep_weights` writes a weights file of an epoch, where the recipe asks for one.

        Raises:
            Stopped: a signal came; all is saved.
            Diverged: a value is not finite.
            ResourceError: memory ran out.
        """
        recipe = self.recipe
        watched = ("validation", "test") if recipe.observe_test else ("validation",)

        def report(epoch: EpochReport) -> None:
            checkpoints.log_epoch(epoch)
            if recipe.snapshot_epochs is not None and epoch.epoch % recipe.snapshot_epochs == 0:
                keep_weights(epoch)
            self.console.say(epoch_line(epoch))

        inputs = self.setup.train_inputs(
            recipe,
            checkpointer=checkpoints,
            report=report,
            progress=self.console.progress,
            watched=watched,
        )
        seed_generators(recipe.seed)  # whether the model was built or restored
        hint = f"free memory and {self.resume_command}, or "
        with (
            reporting_out_of_memory(str(self.folder), recipe.batch_size, hint),
            checkpoints.flush_on_divergence(),
        ):
            result = self.engine.trainer.fit(inputs)
        count = len(inputs.training)
        planned = recipe.steps or recipe.epochs * updates_per_epoch(
            count, recipe.batch_size, recipe.accumulate
        )
        if result.stopped and result.history[-1].step < planned:
            self.console.say(result.stopped)
        return result

    def seconds(self) -> float:
        """Since this process began with the run."""
        return time.perf_counter() - self.started


def epoch_line(report: EpochReport) -> str:
    """An epoch in one line."""
    latest = {point.split: point for point in report.evaluations}
    held_out = "".join(
        f"  {p.split} loss {p.loss:.4f} accuracy {p.accuracy:.2%}"
        + (f" (step {p.step})" if p.step < report.step else "")
        for p in latest.values()
    )
    return (
        f"epoch {report.epoch:>3}  loss {report.loss:.4f}  accuracy {report.accuracy:.2%}{held_out}"
        f"  lr {report.lr:.2g}  {report.seconds:.1f} s  {report.images_per_second:,.0f} images/s"
    )
