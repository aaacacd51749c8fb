"""Values that are not finite: the step and the place are named, and none is ever saved."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from clfw.training import checkpoints
from clfw.training.guard import NonFiniteGuard, describe_step, describe_tensor
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
    from clfw.training import loop
    from clfw.training.train_state import TrainState

    states: list[TrainState] = []
    norms_of, rate_of = loop.gradient_norms, TrainState.scheduled_lr

    def scheduled_lr(state: TrainState) -> float:
        states[:] = [state]
        return rate_of(state)

    def gradient_norms(parameters: Any) -> torch.Tensor:
        if states[0].step == AT:
            act(states[0])
        return norms_of(parameters)

    TrainState.scheduled_lr = scheduled_lr
    loop.gradient_norms = gradient_norms


def loss(state: Any) -> None:
    state.meter.loss = state.meter.loss * float("nan")


def gradient(state: Any) -> None:
    dict(state.model.named_parameters())["0.weight"].grad[0] = float("inf")


def weight(state: Any) -> None:
    with torch.no_grad():
        dict(state.model.named_parameters())["0.weight"][0] = float("nan")


def buffer(state: Any) -> None:
    dict(state.model.named_buffers())["1.running_var"][0] = float("inf")


def average(state: Any) -> None:
    state.averaged.tensors["0.weight"][0] = float("nan")


def moment(state: Any) -> None:
    next(iter(state.optimizer.state.values()))["exp_avg"][0] = float("nan")


def learning_rate(state: Any) -> None:
    state.optimizer.lr = float("nan")


FAULTS: dict[str, tuple[Callable[[Any], None], str]] = {
    "loss": (loss, "loss"),
    "gradient": (gradient, "gradient of parameter '0.weight'"),
    "weight": (weight, "parameter '0.weight'"),
    "buffer": (buffer, "buffer '1.running_var'"),
    "averaged weight": (average, "average of '0.weight'"),
    "moment": (moment, "parameter '0.weight'"),
    "learning rate": (learning_rate, "parameter '0.weight'"),
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
    assert line == f"error: step 4 of 8 (epoch 2): {words} is not finite"
    rows = Path("run/steps.csv").read_text().splitlines()
    assert [row.partition(",")[0] for row in rows] == ["step", "1", "2", "3", "4"]
    assert ("nan" in rows[-1] or "inf" in rows[-1]) == (fault in ("loss", "gradient"))
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


def test_a_moment_is_named_by_its_parameter():
    places = {
        name: describe_tensor(name, {"0.weight"}, ["0.weight"])
        for name in ("optimizer/0/exp_avg", "best/0.weight", "random/torch")
    }
    assert list(places.values()) == ["exp_avg of '0.weight'", "best '0.weight'", "random 'torch'"]


@pytest.mark.parametrize(("step", "epoch"), [(0, 1), (1, 1), (5, 1), (6, 2), (20, 4)])
def test_a_step_is_counted_from_the_beginning_of_the_run(step: int, epoch: int):
    assert describe_step(step, 20, 5) == f"step {step} of 20 (epoch {epoch})"


def test_a_metric_that_is_no_number_is_never_the_best():
    from clfw.config.recipe import Recipe
    from clfw.training.early_stopping import BestTracker

    progress = BestTracker()
    assert not progress.note((float("nan"), 0.0), Recipe())
    assert progress.best is None
    assert progress.note((0.5, -1.0), Recipe())
    assert not progress.note((0.5, float("nan")), Recipe())
    assert progress.best == (0.5, -1.0)


def test_the_flag_is_up_from_the_first_bad_update_on_and_the_first_bad_gradient_is_named():
    parameters = [(name, torch.zeros(2, requires_grad=True)) for name in ("a", "b", "c")]
    for name, parameter in parameters:
        parameter.grad = None if name == "b" else torch.ones(2)
    guard = NonFiniteGuard(parameters, torch.device("cpu"))
    one, bad = torch.tensor(1.0), torch.tensor(float("inf"))
    flags = [
        float(guard.check(one, norms.sum(), norms))
        for norms in (torch.stack([one, one]), torch.stack([one, bad]), torch.stack([bad, one]))
    ]
    assert flags == [0, 1, 1]
    rows = torch.tensor([[1.0, 1.0, 2.0], [1.0, 1.0, torch.inf], [1.0, 1.0, torch.inf]])
    assert guard.first_bad(rows) == (1, "gradient of parameter 'c'")
