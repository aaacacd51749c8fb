"""Everything that changes during training, part by part, and how it is saved and taken up again.

What is here is what a checkpoint holds. Order and augmentation are not: they are pure functions of
seed, epoch and row.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from torch import Tensor, nn

from clfw.api.reports import EpochReport, EvaluationPoint
from clfw.config.schedules import SCHEDULES
from clfw.errors import DataError, Diverged
from clfw.io.json_text import canonical_json
from clfw.models.batches import updates_per_epoch
from clfw.models.safetensors_io import first_not_finite
from clfw.text import escape
from clfw.training.checkpoints import Snapshot
from clfw.training.ema import AveragedWeights
from clfw.training.generators import TorchGenerators
from clfw.training.guard import NonFiniteGuard, describe_step, describe_tensor, diverged
from clfw.training.meters import EpochMeter
from clfw.training.optimizers import build_optimizer
from clfw.training.protocols import FitResult, TrainInputs
from clfw.training.state_schema import (
    Counters,
    SavedRandom,
    add_prefix,
    require_same_shapes,
    strip_prefix,
)
from clfw.training.validation import ValidationLoop


class Part(Protocol):
    """A part of the state whose tensors a checkpoint holds; a module is one."""

    def state_dict(self) -> Mapping[str, Tensor]:
        """The tensors by name."""

    def load_state_dict(self, tensors: Mapping[str, Tensor]) -> object:
        """Take up what `state_dict` gave."""


class TrainState:
    """The state of one training: its parts, and how many updates and epochs are done.

    Attributes:
        batch_size: pictures of an update.
        step, total: updates done, and planned.
        epoch: epochs done.
    """

    def __init__(self, inputs: TrainInputs) -> None:
        recipe, count = inputs.recipe, len(inputs.training)
        batch = count if recipe.batch_size == "full" else recipe.batch_size
        self.inputs = inputs
        self.model = inputs.model
        self.recipe = recipe
        self.batch_size = batch * recipe.accumulate
        self.updates_per_epoch = updates_per_epoch(count, recipe.batch_size, recipe.accumulate)
        self.total = recipe.steps or recipe.epochs * self.updates_per_epoch
        self.step = 0
        self.epoch = 0
        self.history: list[EpochReport] = []
        self.names = [name for name, p in self.model.named_parameters() if p.requires_grad]
        self.optimizer = build_optimizer(self.model, recipe)
        named = list(zip(self.names, self.optimizer.parameters, strict=True))
        self.guard = NonFiniteGuard(named, inputs.device.torch_device)
        self.meter = self._new_meter()
        self.validation = ValidationLoop(inputs)
        self.averaged = AveragedWeights(self.model, recipe.ema) if recipe.ema is not None else None
        self.generators = TorchGenerators(inputs.device.torch_device)

    def _new_meter(self) -> EpochMeter:
        return EpochMeter(self.inputs.device.torch_device, self.updates_per_epoch)

    @property
    def finished(self) -> bool:
        """Whether the last update is done."""
        return self.step >= self.total or bool(self.validation.stopped)

    @property
    def epoch_done(self) -> bool:
        """Whether the epoch under way has no update left."""
        return self.finished or self.meter.updates >= self.updates_per_epoch

    def scheduled_lr(self) -> float:
        """The learning rate of the update that comes."""
        rate = SCHEDULES[self.recipe.schedule].rate
        peak = rate(self.recipe.lr, self.step, self.total, self.recipe.schedule_params)
        return peak * self.validation.tracker.lr_scale

    def finish_update(self) -> None:
        """After the optimizer's step: average the weights, count, evaluate where it is due."""
        if self.averaged is not None:
            self.averaged.update(self.model)
        self.step += 1
        every = self.recipe.evaluate_steps
        if every is not None and self.step % every == 0 and self.step < self.total:
            self.evaluate()

    def finish_epoch(self) -> None:
        """Evaluate where it is due, report, and begin the next epoch."""
        self.require_finite()
        by_epoch = self.recipe.evaluate_steps is None
        due = by_epoch and (self.epoch + 1) % self.recipe.evaluate_epochs == 0
        if not self.validation.stopped and (due or self.finished):
            self.evaluate()
        points = self.validation.take_points()
        report = self.meter.report(self.epoch + 1, self.step, self.optimizer.lr, points)
        self.history.append(report)
        self.inputs.report(report)
        self.epoch += 1
        self.meter = self._new_meter()

    def finish(self) -> FitResult:
        """Put the chosen weights into the model."""
        best = self.validation.best
        if best.tensors:
            self.model.load_state_dict(best.tensors)
        elif self.averaged is not None:
            self.model.load_state_dict(self.averaged.tensors)
        return FitResult(
            history=tuple(self.history),
            weights="best" if best.tensors else "last",
            averaged=self.averaged is not None,
            step=best.step if best.tensors else self.step,
            stopped=self.validation.stopped,
        )

    def evaluate(self) -> None:
        """Evaluate every held-out split: the model in training, or its averaged weights."""
        if not self.inputs.held_out:
            return
        self.require_finite()
        try:
            self.meter.paused(self._evaluate)
        except Diverged as error:  # a weight, a buffer or an average tells more than an output
            self._require_finite_tensors()
            moment = self._describe(self.step)
            raise Diverged(f"{moment}: {error.message}", hint=error.hint) from None

    def _evaluate(self) -> None:
        evaluated: nn.Module = self.model if self.averaged is None else self.averaged.as_model()
        self.validation.run(evaluated, self.step)
        self.model.train()  # an evaluation leaves it in evaluation mode

    def require_finite(self) -> None:
        """Raise `Diverged` when an update of the epoch under way was not finite."""
        if (bad := self.guard.first_bad(self.meter.rows)) is not None:
            first, what = bad
            raise diverged(self._describe(self.step - self.meter.updates + first + 1), what)

    def _require_finite_tensors(self) -> None:
        """Raise `Diverged` when a part of the state is not finite."""
        if (name := first_not_finite(self._tensors())) is not None:
            parameters = {name for name, _ in self.model.named_parameters()}
            raise diverged(self._describe(self.step), describe_tensor(name, parameters, self.names))

    def _describe(self, step: int) -> str:
        return describe_step(step, self.total, self.updates_per_epoch)

    def unfinished_rows(self) -> list[tuple[float, float, float]]:
        """(loss, accuracy, gradient norm) of the epoch's updates so far, up to the first bad one."""
        rows = self.meter.rows
        bad = self.guard.first_bad(rows)
        rows = rows if bad is None else rows[: bad[0] + 1]
        return [(a, b, c) for a, b, c in rows.double().cpu().tolist()]

    def snapshot(self) -> Snapshot:
        """All of it, for a checkpoint; raises `Diverged` where it is not finite."""
        self.require_finite()
        self._require_finite_tensors()
        return Snapshot(step=self.step, tensors=self._tensors(), counters=self._counters())

    def restore(self, snapshot: Snapshot, history: list[EpochReport]) -> None:
        """Go back to a snapshot; raises `DataError` where it does not fit this training."""
        try:
            self._restore_counters(saved_counters(snapshot))
            self._restore_tensors(snapshot.tensors)
        except (KeyError, RuntimeError, TypeError, ValueError, OverflowError) as error:
            reason = escape(str(error).splitlines()[0])
            raise DataError(f"the checkpoint does not fit this run: {reason}") from None
        self.step, self.history = snapshot.step, history
        done = history[-1].step if history else 0
        if len(history) != self.epoch or done + self.meter.updates != self.step:
            raise DataError(f"the history does not fit the checkpoint of step {self.step}")

    def _parts(self) -> dict[str, Part]:
        """What has tensors, by the name that stands before theirs in a checkpoint."""
        parts: dict[str, Part] = {
            "model": self.model,
            "optimizer": self.optimizer,
            "record": self.meter,
            "best": self.validation.best,
            "random": self.generators,
        }
        return parts | ({"ema": self.averaged} if self.averaged is not None else {})

    def _tensors(self) -> dict[str, Tensor]:
        tensors: dict[str, Tensor] = {}
        for name, part in self._parts().items():
            tensors |= add_prefix(name, part.state_dict())
        return tensors

    def _restore_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        require_same_shapes("present", strip_prefix("model", tensors), self.model.state_dict())
        for name, part in self._parts().items():
            part.load_state_dict(strip_prefix(name, tensors))

    def _counters(self) -> dict[str, Any]:
        validation = self.validation
        return {
            "epoch": self.epoch,
            "stopped": validation.stopped,
            "lr": self.optimizer.lr,
            "best_step": validation.best.step,
            "has_best": bool(validation.best.tensors),
            "ema_updates": self.averaged.updates if self.averaged else 0,
            "progress": validation.tracker.state_dict(),
            "points": [[p.step, p.split, p.accuracy, p.loss] for p in validation.points],
            "random": SavedRandom.now(),
        }

    def _restore_counters(self, counters: Counters) -> None:
        validation = self.validation
        self.epoch = counters.epoch
        self.optimizer.lr = counters.lr
        validation.stopped = counters.stopped
        validation.best.step = counters.best_step
        validation.tracker.load_state_dict(counters.progress.model_dump())
        validation.points = [
            EvaluationPoint(step=step, split=split, accuracy=accuracy, loss=loss)
            for step, split, accuracy, loss in counters.points
        ]
        if self.averaged is not None:
            self.averaged.updates = counters.ema_updates
        counters.random.take_up()


def saved_counters(snapshot: Snapshot) -> Counters:
    """The counters of a snapshot from disk; raises `ValueError` where one is not what it should be.

    By way of JSON, so that an array may become a tuple and nothing else may become anything else.
    """
    return Counters.model_validate_json(canonical_json(snapshot.counters))
