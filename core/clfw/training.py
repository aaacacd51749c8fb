"""The training loop: forward, loss, backward, step; reports once an epoch."""

import copy
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn

from clfw.batches import Batch, Batches, batch_bounds
from clfw.device import Device
from clfw.errors import Diverged
from clfw.evaluation import Evaluation
from clfw.opening import Progress as ShowProgress
from clfw.optimisation import (
    AveragedWeights,
    Progress,
    build_loss,
    build_optimizer,
    scheduled_lr,
)
from clfw.recipe import Recipe

Evaluate = Callable[[nn.Module], Evaluation]
AugmentBatch = Callable[[Tensor, Tensor, Tensor, int], tuple[Tensor, Tensor]]


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluationPoint:
    """Figures of a held-out split after so many updates."""

    step: int
    split: str
    accuracy: float
    loss: float


@dataclass(frozen=True, kw_only=True, slots=True)
class EpochReport:
    """One epoch, finished or cut short by the last step.

    Attributes:
        epoch: number, from 1.
        step: updates done so far.
        loss, accuracy: over the epoch's training batches as they were learned from.
        gradient_norm: mean over the epoch's updates, before clipping.
        lr: of the last update.
        evaluations: made during the epoch or at its end.
        seconds: spent in training batches, evaluations aside.
        steps: (loss, accuracy, gradient norm) of each update.
    """

    epoch: int
    step: int
    loss: float
    accuracy: float
    gradient_norm: float
    lr: float
    evaluations: tuple[EvaluationPoint, ...]
    seconds: float
    images_per_second: float
    steps: tuple[tuple[float, float, float], ...] = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """A row of `metrics.jsonl`; the single updates are kept in a file of their own."""
        row = asdict(self)
        del row["steps"]
        return row


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """Everything that a trainer needs.

    Attributes:
        model: initialised and on the device; trained in place.
        augment: (images, targets, rows, epoch) to (images, targets).
        held_out: what to evaluate during training, by split; "validation" steers, "test" never does.
        report: called after each epoch.
    """

    model: nn.Module
    training: Batches
    num_classes: int
    augment: AugmentBatch
    normalise: Callable[[Tensor], Tensor]
    recipe: Recipe
    device: Device
    held_out: dict[str, Evaluate]
    report: Callable[[EpochReport], None]
    progress: ShowProgress


@dataclass(frozen=True, kw_only=True, slots=True)
class Trained:
    """What a trainer leaves: the model holds the weights that `weights` and `step` name."""

    history: tuple[EpochReport, ...]
    weights: Literal["best", "last"]
    averaged: bool
    step: int
    stopped: str


class Trainer(Protocol):
    """Trains a model in place."""

    def fit(self, job: Job) -> Trained:
        """Train, report every epoch, and leave the chosen weights in `job.model`."""


class StandardTrainer:
    """Mini-batch gradient descent as the recipe says."""

    def fit(self, job: Job) -> Trained:
        model, recipe, device = job.model, job.recipe, job.device
        size = len(job.training) if recipe.batch_size == "full" else recipe.batch_size
        size *= recipe.accumulate
        per_epoch = len(batch_bounds(len(job.training), size))
        total = recipe.steps or recipe.epochs * per_epoch
        loss = build_loss(recipe, job.training.targets, job.num_classes)
        optimizer = build_optimizer(model, recipe)
        watch = Watch(job)
        step = 0
        history: list[EpochReport] = []
        while step < total and not watch.stopped:
            epoch = len(history)
            record = Record(optimizer, recipe, device.torch_device)
            bar = job.progress(f"epoch {epoch + 1}/{-(-total // per_epoch)}", len(job.training))
            for batch in job.training.training(size, seed=recipe.seed, epoch=epoch):
                model.train()
                lr = scheduled_lr(recipe, step, total) * watch.progress.lr_scale
                optimizer.param_groups[0]["lr"] = lr
                for part in batch.parts(recipe.accumulate):
                    images, targets = job.augment(part.images, part.targets, part.rows, epoch)
                    with device.autocast():
                        logits = model(job.normalise(images))
                        share = loss(logits, targets) * (len(part) / len(batch))
                    share.backward()  # type: ignore[no-untyped-call]
                    record.add(share, logits, part)
                record.close_update(len(batch))
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
                watch.average()
                step += 1
                bar.advance(len(batch))
                if step < total and watch.due_within_epoch(step):
                    record.pause(watch.evaluate, step)
                if step == total or watch.stopped:
                    break
            record.require_finite(step)
            if watch.due_after_epoch(epoch + 1, last=step == total):
                record.pause(watch.evaluate, step)
            bar.close()
            history.append(record.report(epoch + 1, step, lr, watch.take_points()))
            job.report(history[-1])
        return watch.finish(tuple(history), step)


class Record:
    """What an epoch's updates did, kept on the device until the epoch ends."""

    def __init__(
        self, optimizer: torch.optim.Optimizer, recipe: Recipe, device: torch.device
    ) -> None:
        self._optimizer = optimizer
        self._clip = recipe.clip_norm
        self._parameters = [p for group in optimizer.param_groups for p in group["params"]]
        self._bad = torch.zeros((), device=device)  # 1 from the first value that is not finite on
        self._loss = torch.zeros((), device=device)
        self._right = torch.zeros((), device=device)
        self._rows: list[Tensor] = []
        self._sizes: list[int] = []
        self._start = time.perf_counter()
        self._paused = 0.0

    def add(self, loss: Tensor, logits: Tensor, part: Batch) -> None:
        """Take in one part of a batch, after its backward pass."""
        self._loss = self._loss + loss.detach()
        self._right = self._right + (logits.detach().argmax(1) == part.targets).sum()

    def close_update(self, size: int) -> None:
        """Before the optimiser's step: measure and clip the gradient, and forbid a step that is bad.

        The fused optimisers skip an update whose `found_inf` is 1; the flag stays 1, so that no
        later update hides the first bad one. Nothing here makes the host wait.
        """
        gradients = [p.grad for p in self._parameters if p.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        if self._clip is not None:
            torch.nn.utils.clip_grads_with_norm_(self._parameters, self._clip, norm)
        self._bad = torch.maximum(self._bad, (~torch.isfinite(self._loss + norm)).float())
        self._optimizer.found_inf = self._bad  # type: ignore[attr-defined]
        self._rows.append(torch.stack((self._loss, self._right / size, norm)))
        self._sizes.append(size)
        self._loss, self._right = torch.zeros_like(self._loss), torch.zeros_like(self._right)

    def pause(self, evaluate: Callable[[int], None], step: int) -> None:
        """Evaluate outside the training time, once it is sure that all values were finite."""
        self.require_finite(step)
        before = time.perf_counter()
        evaluate(step)
        self._paused += time.perf_counter() - before

    def require_finite(self, step: int) -> None:
        """Raise `Diverged`, naming the first bad update, when a value was not finite."""
        if not self._bad.item():
            return
        rows = torch.stack(self._rows)
        first = int((~torch.isfinite(rows)).any(1).nonzero()[0])
        what = "loss" if not torch.isfinite(rows[first, 0]) else "gradient"
        raise Diverged(
            f"training: step {step - len(rows) + first + 1}: the {what} is not finite",
            hint="lower the learning rate, for instance --lr 0.001, or add --set train.clip_norm=1",
        )

    def report(
        self, epoch: int, step: int, lr: float, points: tuple[EvaluationPoint, ...]
    ) -> EpochReport:
        """The epoch in numbers; the one place where the host waits for the device."""
        rows = torch.stack(self._rows).double().cpu()  # (S, 3)
        sizes = torch.tensor(self._sizes, dtype=torch.float64)
        seconds = time.perf_counter() - self._start - self._paused
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
            images_per_second=float(sizes.sum()) / seconds,
            steps=tuple((a, b, c) for a, b, c in rows.tolist()),
        )


class Watch:
    """Evaluates on held-out splits during training; keeps the best weights; says when to stop."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._recipe = job.recipe
        self._points: list[EvaluationPoint] = []
        self._best: dict[str, Tensor] | None = None
        self._best_step = 0
        self.progress = Progress()
        self.stopped = ""
        self._averaged: AveragedWeights | None = None
        self._shadow: nn.Module | None = None
        if job.recipe.ema is not None:
            self._averaged = AveragedWeights(job.model, job.recipe.ema)
            self._shadow = copy.deepcopy(job.model)

    def average(self) -> None:
        """After each update: take the weights into their average, where the recipe wants one."""
        if self._averaged is not None:
            self._averaged.update(self._job.model)

    def due_within_epoch(self, step: int) -> bool:
        """Whether to evaluate after update `step`."""
        every = self._recipe.evaluate_steps
        return bool(self._job.held_out) and every is not None and step % every == 0

    def due_after_epoch(self, epoch: int, *, last: bool) -> bool:
        """Whether to evaluate after `epoch` (from 1); the end of training is always evaluated."""
        if not self._job.held_out or self.stopped:
            return False
        by_epoch = self._recipe.evaluate_steps is None
        return last or (by_epoch and epoch % self._recipe.evaluate_epochs == 0)

    def evaluate(self, step: int) -> None:
        """Evaluate every held-out split; the validation figures move schedule, best and stopping."""
        model = self.model()
        for split, evaluate in self._job.held_out.items():
            figures = evaluate(model)
            self._points.append(
                EvaluationPoint(
                    step=step, split=split, accuracy=figures.accuracy, loss=figures.loss
                )
            )
            if split == "validation":
                self._steer(figures, model, step)

    def _steer(self, figures: Evaluation, model: nn.Module, step: int) -> None:
        by_accuracy = self._recipe.monitor == "accuracy"
        score = figures.accuracy if by_accuracy else -figures.loss
        if self.progress.note(score, self._recipe) and self._recipe.keep == "best":
            self._best = {k: v.detach().clone() for k, v in model.state_dict().items()}
            self._best_step = step
        if self.progress.exhausted(self._recipe):
            self.stopped = (
                f"stopped early: no better validation {self._recipe.monitor} "
                f"in {self.progress.stale} evaluations"
            )

    def model(self) -> nn.Module:
        """The model to evaluate: the one in training, or a copy with the averaged weights."""
        if self._averaged is None or self._shadow is None:
            return self._job.model
        self._shadow.load_state_dict(self._averaged.tensors)
        return self._shadow

    def take_points(self) -> tuple[EvaluationPoint, ...]:
        """The evaluations since the last call."""
        points, self._points = tuple(self._points), []
        return points

    def finish(self, history: tuple[EpochReport, ...], step: int) -> Trained:
        """Put the chosen weights into the model."""
        best = self._best is not None
        if self._best is not None:
            self._job.model.load_state_dict(self._best)
        elif self._averaged is not None:
            self._job.model.load_state_dict(self._averaged.tensors)
        return Trained(
            history=history,
            weights="best" if best else "last",
            averaged=self._averaged is not None,
            step=self._best_step if best else step,
            stopped=self.stopped,
        )


def no_augmentation(
    images: Tensor, targets: Tensor, rows: Tensor, epoch: int
) -> tuple[Tensor, Tensor]:
    """The pictures as they are."""
    return images, targets
