"""Values that are not finite: the step and the place are named, and none is ever saved."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from clfw import checkpoints
from killing import SMALL, Reference, go_on, reference
from matrix import write_data
from trials import bits, trial, workplace

NORMED = (*SMALL, "--set", "model.batch_norm=true", "--set", "train.ema=0.9", "--epochs", "4")
AT = 3  # the update, from 0, at which the fault comes


@pytest.fixture
def place() -> Iterator[None]:
    """A working folder with the small data set."""
    with workplace():
        write_data()
        yield


def before_update(act: Callable[[Any], None]) -> None:
    """Do something to the training right before update `AT`, when its gradients lie ready."""
    from clfw.record import Record
    from clfw.trainingstate import TrainingState

    states: list[TrainingState] = []
    original, begun = Record.close_update, TrainingState.set_learning_rate

    def set_learning_rate(state: TrainingState) -> None:
        states[:] = [state]
        begun(state)

    def close_update(record: Record, size: int) -> None:
        if states[0].step == AT:
            act(states[0])
        original(record, size)

    TrainingState.set_learning_rate = set_learning_rate
    Record.close_update = close_update


def loss(state: Any) -> None:
    state.record._loss = state.record._loss * float("nan")


def gradient(state: Any) -> None:
    dict(state.job.model.named_parameters())["0.weight"].grad[0] = float("inf")


def weight(state: Any) -> None:
    with torch.no_grad():
        dict(state.job.model.named_parameters())["0.weight"][0] = float("nan")


def buffer(state: Any) -> None:
    dict(state.job.model.named_buffers())["1.running_var"][0] = float("inf")


def average(state: Any) -> None:
    state._averaged.tensors["0.weight"][0] = float("nan")


def moment(state: Any) -> None:
    next(iter(state.optimizer.state.values()))["exp_avg"][0] = float("nan")


def learning_rate(state: Any) -> None:
    state.optimizer.lr = float("nan")


FAULTS: dict[str, tuple[Callable[[Any], None], str]] = {
    "loss": (loss, "training: step 4: the loss is not finite"),
    "gradient": (gradient, "training: step 4: the gradient of '0.weight' is not finite"),
    "weight": (weight, "step 4: model 0.weight is not finite"),
    "buffer": (buffer, "step 4: model 1.running_var is not finite"),
    "averaged weight": (average, "step 4: ema 0.weight is not finite"),
    "moment": (moment, "step 4: model 0.weight is not finite"),
    "learning rate": (learning_rate, "step 4: model 0.weight is not finite"),
}


def names(snapshot: checkpoints.Snapshot) -> list[str]:
    """Tensors of a snapshot that are not finite."""
    return [
        name
        for name, tensor in snapshot.tensors.items()
        if tensor.is_floating_point() and not torch.isfinite(tensor).all()
    ]


def assert_stopped(fault: str, whole: Reference) -> None:
    """The run stops in one line, its checkpoints are finite, and a resume is exact."""
    act, words = FAULTS[fault]
    ended = trial([*NORMED, "--out", "run"], patch=partial(before_update, act))
    assert ended.code == 79, ended.err
    (line,) = ended.errors
    assert words in line
    snapshot, faults = checkpoints.latest(Path("run/checkpoints"))
    assert snapshot is not None
    assert snapshot.step <= AT
    assert (names(snapshot), faults) == ([], [])
    assert not Path("run/model.safetensors").exists()
    assert go_on(whole).code == 0
    assert bits(Path("run")) == whole.bits


@pytest.mark.parametrize("fault", FAULTS)
def test_a_value_that_is_not_finite_stops_the_run_and_is_never_saved(fault: str, place: None):
    assert_stopped(fault, reference(NORMED))


def test_a_metric_that_is_no_number_is_never_the_best():
    from clfw.optimisation import Progress
    from clfw.recipe import Recipe

    progress = Progress()
    assert not progress.note(float("nan"), Recipe())
    assert progress.best is None
    assert progress.note(0.5, Recipe())
    assert not progress.note(float("nan"), Recipe())
    assert progress.best == 0.5
