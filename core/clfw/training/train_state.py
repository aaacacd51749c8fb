"""Everything that changes during training: weights, optimiser, averages, counters, random numbers.

What is here is what a checkpoint holds. Order and augmentation are not: they are pure functions of
seed, epoch and row.
"""

import copy
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from clfw.api.reports import EpochReport, EvaluationPoint
from clfw.errors import DataError, Diverged
from clfw.io.json_text import canonical_json
from clfw.metrics.evaluation import Evaluation
from clfw.models.batches import updates_per_epoch
from clfw.models.safetensors_io import first_not_finite
from clfw.text import escape, plural
from clfw.training.checkpoints import Snapshot
from clfw.training.early_stopping import BestTracker
from clfw.training.ema import AveragedWeights
from clfw.training.guard import diverged, moment_of, place_of
from clfw.training.meters import EpochMeter
from clfw.training.optimizers import build_optimizer
from clfw.training.protocols import FitResult, TrainInputs
from clfw.training.schedules import scheduled_lr
from clfw.training.state_schema import (
    Counters,
    SavedRandom,
    add_prefix,
    optimizer_state,
    require_same_shapes,
    strip_prefix,
)


class TrainState:
    """The state of one training, and the steps that change it."""

    def __init__(self, job: TrainInputs) -> None:
        self.job = job
        self.recipe = job.recipe
        full = job.recipe.batch_size == "full"
        batch = len(job.training) if full else job.recipe.batch_size
        assert isinstance(batch, int)
        self.batch_size = batch * job.recipe.accumulate
        self.updates_per_epoch = updates_per_epoch(
            len(job.training), job.recipe.batch_size, job.recipe.accumulate
        )
        self.total = job.recipe.steps or job.recipe.epochs * self.updates_per_epoch
        self.optimizer = build_optimizer(job.model, job.recipe)
        self._names = [name for name, p in job.model.named_parameters() if p.requires_grad]
        self.step = 0
        self.epoch = 0
        self.lr = job.recipe.lr
        self.stopped = ""
        self.progress = BestTracker()
        self.history: list[EpochReport] = []
        self._points: list[EvaluationPoint] = []
        self._best: dict[str, Tensor] | None = None
        self._best_step = 0
        self._averaged: AveragedWeights | None = None
        self._shadow: nn.Module | None = None
        if job.recipe.ema is not None:
            self._averaged = AveragedWeights(job.model, job.recipe.ema)
            self._shadow = copy.deepcopy(job.model)
        self.record = self._new_record()

    def _new_record(self) -> EpochMeter:
        device = self.job.device.torch_device
        return EpochMeter(self.optimizer, self._names, self.recipe, device, self.updates_per_epoch)

    @property
    def finished(self) -> bool:
        """Whether the last update is done."""
        return self.step >= self.total or bool(self.stopped)

    @property
    def epoch_done(self) -> bool:
        """Whether the epoch under way has no update left."""
        return self.finished or self.record.updates >= self.updates_per_epoch

    def set_learning_rate(self) -> None:
        """For the update that comes."""
        self.lr = scheduled_lr(self.recipe, self.step, self.total) * self.progress.lr_scale
        self.optimizer.lr = self.lr

    def update(self) -> None:
        """The optimiser's step on the gradients that lie ready."""
        self.optimizer.step()
        for parameter in self.optimizer.parameters:
            parameter.grad = None
        if self._averaged is not None:
            self._averaged.update(self.job.model)
        self.step += 1
        every = self.recipe.evaluate_steps
        if every is not None and self.step % every == 0 and self.step < self.total:
            self.evaluate()

    def evaluate(self) -> None:
        """Evaluate every held-out split; the validation figures move schedule, best and stopping."""
        if self.job.held_out:
            self.require_finite()
            try:
                self.record.paused(self._evaluate)
            except Diverged as error:  # a weight, a buffer or an average tells more than an output
                self._require_finite_tensors()
                moment = self._moment(self.step)
                raise Diverged(f"{moment}: {error.message}", hint=error.hint) from None

    def require_finite(self) -> None:
        """Raise `Diverged` when an update of the epoch under way was not finite."""
        if (bad := self.record.first_nonfinite()) is not None:
            first, what = bad
            raise diverged(self._moment(self.step - self.record.updates + first + 1), what)

    def _require_finite_tensors(self) -> None:
        """Raise `Diverged` when a part of the state is not finite."""
        if (name := first_not_finite(self._tensors())) is not None:
            parameters = {name for name, _ in self.job.model.named_parameters()}
            raise diverged(self._moment(self.step), place_of(name, parameters, self._names))

    def _moment(self, step: int) -> str:
        return moment_of(step, self.total, self.updates_per_epoch)

    def _evaluate(self) -> None:
        model = self._evaluated_model()
        for split, evaluate in self.job.held_out.items():
            figures = evaluate(model)
            point = EvaluationPoint(
                step=self.step, split=split, accuracy=figures.accuracy, loss=figures.loss
            )
            self._points.append(point)
            if split == "validation":
                self._steer(figures, model)
        self.job.model.train()  # an evaluation leaves it in evaluation mode

    def _steer(self, figures: Evaluation, model: nn.Module) -> None:
        score = (figures.accuracy, -figures.loss)
        if self.recipe.monitor == "loss":
            score = (-figures.loss, figures.accuracy)
        if self.progress.note(score, self.recipe) and self.recipe.keep == "best":
            self._best = {k: v.detach().clone() for k, v in model.state_dict().items()}
            self._best_step = self.step
        if self.progress.exhausted(self.recipe):
            self.stopped = (
                f"stopped early: no better validation {self.recipe.monitor} "
                f"in {plural(self.progress.stale, 'evaluation')}"
            )

    def _evaluated_model(self) -> nn.Module:
        """The model in training, or a copy with the averaged weights."""
        if self._averaged is None or self._shadow is None:
            return self.job.model
        self._shadow.load_state_dict(self._averaged.tensors)
        return self._shadow

    def close_epoch(self) -> None:
        """Evaluate where it is due, report, and begin the next epoch."""
        self.require_finite()
        by_epoch = self.recipe.evaluate_steps is None
        due = by_epoch and (self.epoch + 1) % self.recipe.evaluate_epochs == 0
        if not self.stopped and (due or self.finished):
            self.evaluate()
        points, self._points = tuple(self._points), []
        report = self.record.report(self.epoch + 1, self.step, self.lr, points)
        self.history.append(report)
        self.job.report(report)
        self.epoch += 1
        self.record = self._new_record()

    def finish(self) -> FitResult:
        """Put the chosen weights into the model."""
        best = self._best is not None
        if self._best is not None:
            self.job.model.load_state_dict(self._best)
        elif self._averaged is not None:
            self.job.model.load_state_dict(self._averaged.tensors)
        return FitResult(
            history=tuple(self.history),
            weights="best" if best else "last",
            averaged=self._averaged is not None,
            step=self._best_step if best else self.step,
            stopped=self.stopped,
        )

    def snapshot(self) -> Snapshot:
        """All of it, for a checkpoint."""
        self.require_finite()
        self._require_finite_tensors()
        return Snapshot(step=self.step, tensors=self._tensors(), counters=self._counters())

    def _tensors(self) -> dict[str, Tensor]:
        tensors = add_prefix("model", self.job.model.state_dict())
        for number, parameter in enumerate(self.optimizer.parameters):
            tensors |= add_prefix(f"optimizer/{number}", self.optimizer.state.get(parameter, {}))
        tensors |= add_prefix("record", self.record.tensors())
        tensors |= add_prefix("best", self._best or {})
        if self._averaged is not None:
            tensors |= add_prefix("ema", self._averaged.tensors)
        tensors["random/torch"] = torch.get_rng_state()
        if self.job.device.torch_device.type == "cuda":
            tensors["random/cuda"] = torch.cuda.get_rng_state()
        return tensors

    def _counters(self) -> dict[str, Any]:
        return {
            "epoch": self.epoch,
            "stopped": self.stopped,
            "lr": self.lr,
            "best_step": self._best_step,
            "has_best": self._best is not None,
            "ema_updates": self._averaged.updates if self._averaged else 0,
            "progress": asdict(self.progress),
            "points": [[p.step, p.split, p.accuracy, p.loss] for p in self._points],
            "random": SavedRandom.now(),
        }

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
        if len(history) != self.epoch or done + self.record.updates != self.step:
            raise DataError(f"the history does not fit the checkpoint of step {self.step}")

    def _restore_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        model = self.job.model.state_dict()
        self._best = strip_prefix("best", tensors) or None
        if self._best is not None:
            require_same_shapes("best", self._best, model)
        if self._averaged is not None:
            require_same_shapes("averaged", strip_prefix("ema", tensors), model)
            for name, value in strip_prefix("ema", tensors).items():
                self._averaged.tensors[name].copy_(value)
        require_same_shapes("present", strip_prefix("model", tensors), model)
        self.job.model.load_state_dict(strip_prefix("model", tensors))
        for number, parameter in enumerate(self.optimizer.parameters):
            stored = strip_prefix(f"optimizer/{number}", tensors)
            self.optimizer.state[parameter] = optimizer_state(stored, parameter, self.recipe)
        self.record.restore(strip_prefix("record", tensors))
        torch.set_rng_state(tensors["random/torch"])
        if "random/cuda" in tensors and torch.cuda.is_available():
            torch.cuda.set_rng_state(tensors["random/cuda"])

    def _restore_counters(self, counters: Counters) -> None:
        self.epoch = counters.epoch
        self.stopped = counters.stopped
        self.lr = counters.lr
        self._best_step = counters.best_step
        if self._averaged is not None:
            self._averaged.updates = counters.ema_updates
        self.progress = BestTracker(**counters.progress.model_dump())
        self._points = [
            EvaluationPoint(step=step, split=split, accuracy=accuracy, loss=loss)
            for step, split, accuracy, loss in counters.points
        ]
        counters.random.take_up()


def saved_counters(snapshot: Snapshot) -> Counters:
    """The counters of a snapshot from disk; raises `ValueError` where one is not what it should be.

    By way of JSON, so that an array may become a tuple and nothing else may become anything else.
    """
    return Counters.model_validate_json(canonical_json(snapshot.counters))
