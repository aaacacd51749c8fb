"""Resumes that each forget one thing on purpose; a campaign that misses one of them proves nothing."""

import copy
from collections.abc import Callable
from typing import Any

import torch

from clfw.models.batches import SplitBatches
from clfw.training.checkpointing import CheckpointManager
from clfw.training.train_state import TrainState
from trials import Patch

Change = Callable[[TrainState, dict[str, Any]], None]


def forgetting(change: Change) -> Patch:
    """A resume after which `change` undoes a part of it; it is given what was there before."""

    def patch() -> None:
        original = TrainState.restore

        def restore(state: TrainState, *arguments: Any) -> None:
            before = {
                "model": copy.deepcopy(state.model.state_dict()),
                "torch": torch.get_rng_state(),
            }
            original(state, *arguments)
            change(state, before)

        TrainState.restore = restore

    return patch


def weights(state: TrainState, before: dict[str, Any]) -> None:
    model = state.model
    names = {name for name, _ in model.named_parameters()}
    model.load_state_dict({k: v for k, v in before["model"].items() if k in names}, strict=False)


def buffers(state: TrainState, before: dict[str, Any]) -> None:
    model = state.model
    names = {name for name, _ in model.named_buffers()}
    model.load_state_dict({k: v for k, v in before["model"].items() if k in names}, strict=False)


def moment(name: str) -> Change:
    def forget(state: TrainState, before: dict[str, Any]) -> None:
        for kept in state.optimizer.state.values():
            kept[name].zero_()

    return forget


def averages(state: TrainState, before: dict[str, Any]) -> None:
    for name, value in state.model.state_dict().items():
        state.averaged.tensors[name].copy_(value)


def average_count(state: TrainState, before: dict[str, Any]) -> None:
    state.averaged.updates = 0


def torch_random(state: TrainState, before: dict[str, Any]) -> None:
    torch.set_rng_state(before["torch"])


def epoch(state: TrainState, before: dict[str, Any]) -> None:
    state.epoch = 0


def step(state: TrainState, before: dict[str, Any]) -> None:
    state.step -= 1


def rows(state: TrainState, before: dict[str, Any]) -> None:
    state.meter._rows.zero_()


def best(state: TrainState, before: dict[str, Any]) -> None:
    state.validation.best.keep(state.model, state.validation.best.step)


def progress(**values: Any) -> Change:
    def forget(state: TrainState, before: dict[str, Any]) -> None:
        for name, value in values.items():
            setattr(state.validation.tracker, name, value)

    return forget


def points(state: TrainState, before: dict[str, Any]) -> None:
    state.validation.points = []


def position_in_epoch() -> None:
    """The epoch under way starts from its first batch again."""
    original = SplitBatches.shuffled
    SplitBatches.shuffled = lambda self, size, *, start=0, **values: original(self, size, **values)


def cut_back() -> None:
    """The rows that were written after the checkpoint stay."""
    original = CheckpointManager.truncate_logs
    first = []

    def settle(checkpointer: CheckpointManager) -> None:
        if first:
            original(checkpointer)
        first.append(checkpointer)

    CheckpointManager.truncate_logs = settle


MUTANTS: dict[str, Patch] = {
    "weights": forgetting(weights),
    "batch norm's buffers": forgetting(buffers),
    "first moments": forgetting(moment("exp_avg")),
    "second moments": forgetting(moment("exp_avg_sq")),
    "optimizer's step": forgetting(moment("step")),
    "averaged weights": forgetting(averages),
    "count of averages": forgetting(average_count),
    "PyTorch's generator": forgetting(torch_random),
    "epoch": forgetting(epoch),
    "step": forgetting(step),
    "updates of the epoch": forgetting(rows),
    "position in the epoch": position_in_epoch,
    "best weights": forgetting(best),
    "best figure": forgetting(progress(best=None)),
    "evaluations without progress": forgetting(progress(stale=0)),
    "evaluations on the plateau": forgetting(progress(plateau_stale=-3)),
    "fall of the learning rate": forgetting(progress(lr_scale=1.0)),
    "evaluations of the epoch": forgetting(points),
    "cutting back of the files": cut_back,
}
