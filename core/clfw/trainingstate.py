"""Everything that changes during training: weights, optimiser, averages, counters, random numbers.

What is here is what a checkpoint holds. Order and augmentation are not: they are pure functions of
seed, epoch and row.
"""

import copy
import random
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from clfw.batches import batch_bounds
from clfw.checkpoints import Snapshot
from clfw.errors import DataError
from clfw.evaluation import Evaluation
from clfw.job import Job, Trained
from clfw.optimisation import AveragedWeights, Progress, build_optimizer, scheduled_lr
from clfw.record import EpochReport, EvaluationPoint, Record


class TrainingState:
    """The state of one training, and the steps that change it."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.recipe = job.recipe
        full = job.recipe.batch_size == "full"
        batch = len(job.training) if full else job.recipe.batch_size
        assert isinstance(batch, int)
        self.batch_size = batch * job.recipe.accumulate
        self.updates_per_epoch = len(batch_bounds(len(job.training), self.batch_size))
        self.total = job.recipe.steps or job.recipe.epochs * self.updates_per_epoch
        self.optimizer = build_optimizer(job.model, job.recipe)
        self.step = 0
        self.epoch = 0
        self.stopped = ""
        self.progress = Progress()
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

    def _new_record(self) -> Record:
        return Record(self.optimizer, self.recipe, self.job.device.torch_device)

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
        self.optimizer.param_groups[0]["lr"] = self.lr

    def update(self) -> None:
        """The optimiser's step on the gradients that lie ready."""
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if self._averaged is not None:
            self._averaged.update(self.job.model)
        self.step += 1
        every = self.recipe.evaluate_steps
        if every is not None and self.step % every == 0 and self.step < self.total:
            self.evaluate()

    def evaluate(self) -> None:
        """Evaluate every held-out split; the validation figures move schedule, best and stopping."""
        if self.job.held_out:
            self.record.require_finite(self.step)
            self.record.aside(self._evaluate)

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

    def _steer(self, figures: Evaluation, model: nn.Module) -> None:
        by_accuracy = self.recipe.monitor == "accuracy"
        score = figures.accuracy if by_accuracy else -figures.loss
        if self.progress.note(score, self.recipe) and self.recipe.keep == "best":
            self._best = {k: v.detach().clone() for k, v in model.state_dict().items()}
            self._best_step = self.step
        if self.progress.exhausted(self.recipe):
            self.stopped = (
                f"stopped early: no better validation {self.recipe.monitor} "
                f"in {self.progress.stale} evaluations"
            )

    def _evaluated_model(self) -> nn.Module:
        """The model in training, or a copy with the averaged weights."""
        if self._averaged is None or self._shadow is None:
            return self.job.model
        self._shadow.load_state_dict(self._averaged.tensors)
        return self._shadow

    def close_epoch(self) -> None:
        """Evaluate where it is due, report, and begin the next epoch."""
        self.record.require_finite(self.step)
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

    def finish(self) -> Trained:
        """Put the chosen weights into the model."""
        best = self._best is not None
        if self._best is not None:
            self.job.model.load_state_dict(self._best)
        elif self._averaged is not None:
            self.job.model.load_state_dict(self._averaged.tensors)
        return Trained(
            history=tuple(self.history),
            weights="best" if best else "last",
            averaged=self._averaged is not None,
            step=self._best_step if best else self.step,
            stopped=self.stopped,
        )

    def snapshot(self) -> Snapshot:
        """All of it, for a checkpoint."""
        self.record.require_finite(self.step)
        tensors = prefixed("model", self.job.model.state_dict())
        for number, parameter in enumerate(self.optimizer.param_groups[0]["params"]):
            tensors |= prefixed(f"optimizer/{number}", self.optimizer.state.get(parameter, {}))
        tensors |= prefixed("record", self.record.tensors())
        tensors |= prefixed("best", self._best or {})
        if self._averaged is not None:
            tensors |= prefixed("ema", self._averaged.tensors)
        tensors["random/torch"] = torch.get_rng_state()
        if self.job.device.torch_device.type == "cuda":
            tensors["random/cuda"] = torch.cuda.get_rng_state()
        return Snapshot(step=self.step, tensors=tensors, counters=self._counters())

    def _counters(self) -> dict[str, Any]:
        version, internal, gauss = random.getstate()
        name, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
        return {
            "epoch": self.epoch,
            "stopped": self.stopped,
            "lr": getattr(self, "lr", 0.0),
            "best_step": self._best_step,
            "has_best": self._best is not None,
            "ema_updates": self._averaged.updates if self._averaged else 0,
            "progress": {
                "best": self.progress.best,
                "stale": self.progress.stale,
                "plateau_stale": self.progress.plateau_stale,
                "lr_scale": self.progress.lr_scale,
            },
            "points": [[p.step, p.split, p.accuracy, p.loss] for p in self._points],
            "random": {
                "python": [version, list(internal), gauss],
                "numpy": [name, np.asarray(keys).tolist(), position, has_gauss, cached],
            },
        }

    def restore(self, snapshot: Snapshot, history: list[EpochReport]) -> None:
        """Go back to a snapshot; raises `DataError` where it does not fit this training."""
        try:
            self._restore_tensors(dict(snapshot.tensors))
            self._restore_counters(dict(snapshot.counters))
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            raise DataError(f"the checkpoint does not fit this run: {error}") from None
        self.step = snapshot.step
        self.history = history

    def _restore_tensors(self, tensors: dict[str, Tensor]) -> None:
        self.job.model.load_state_dict(under("model", tensors))
        for number, parameter in enumerate(self.optimizer.param_groups[0]["params"]):
            stored = under(f"optimizer/{number}", tensors)
            self.optimizer.state[parameter] = {
                name: like_parameter(value, parameter) for name, value in stored.items()
            }
        self.record.restore(under("record", tensors))
        self._best = under("best", tensors) or None
        if self._averaged is not None:
            for name, value in under("ema", tensors).items():
                self._averaged.tensors[name].copy_(value)
        torch.set_rng_state(tensors["random/torch"])
        if "random/cuda" in tensors and torch.cuda.is_available():
            torch.cuda.set_rng_state(tensors["random/cuda"])

    def _restore_counters(self, counters: dict[str, Any]) -> None:
        self.epoch = counters["epoch"]
        self.stopped = counters["stopped"]
        self.lr = counters["lr"]
        self._best_step = counters["best_step"]
        if self._averaged is not None:
            self._averaged.updates = counters["ema_updates"]
        self.progress = Progress(**counters["progress"])
        self._points = [
            EvaluationPoint(step=step, split=split, accuracy=accuracy, loss=loss)
            for step, split, accuracy, loss in counters["points"]
        ]
        version, internal, gauss = counters["random"]["python"]
        random.setstate((version, tuple(internal), gauss))
        name, keys, position, has_gauss, cached = counters["random"]["numpy"]
        np.random.set_state((name, np.array(keys, np.uint32), position, has_gauss, cached))


def prefixed(prefix: str, tensors: Any) -> dict[str, Tensor]:
    """`tensors` under `prefix/`."""
    return {f"{prefix}/{name}": value for name, value in tensors.items()}


def under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under `prefix/`, without it."""
    start = f"{prefix}/"
    return {n[len(start) :]: t for n, t in tensors.items() if n.startswith(start)}


def like_parameter(value: Tensor, parameter: Tensor) -> Tensor:
    """`value` on the parameter's device, in its memory layout, which the fused kernels rely on."""
    if value.shape != parameter.shape:
        return value.to(parameter.device)
    return torch.empty_like(parameter, dtype=value.dtype).copy_(value)
