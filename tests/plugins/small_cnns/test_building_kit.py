"""The building kit says for itself how small a picture its layers take."""

import pytest
import torch

from clfw import Task, TaskNotSupported
from clfw_plugins.small_cnns.kit import build, minimum_side
from clfw_plugins.small_cnns.params import PlainCnnParams
from commandline import assert_refused, clfw

KITS = {
    "six poolings": {"filters": (2,) * 6},
    "no padding": {"filters": (2, 2), "kernel": (5,), "padding": "valid"},
    "strides": {"filters": (2, 2, 2), "kernel": (3, 1, 4), "stride": (2, 3, 1), "padding": "valid"},
    "average pooling by three": {"filters": (2, 2), "pooling": "average", "pool_size": 3},
    "no pooling": {"filters": (2,), "kernel": (4,), "padding": "valid", "pooling": "none"},
    "no layers": {"filters": ()},
    "global pooling": {"filters": (2, 2, 2), "global_pooling": "average"},
}


def task(side: int) -> Task:
    return Task(classes=("a", "b"), channels=1, height=side, width=side + 1)


@pytest.mark.parametrize("kit", KITS)
def test_the_least_side_is_the_least_that_builds_and_runs(kit: str) -> None:
    params = PlainCnnParams(**KITS[kit])
    side = minimum_side(params)
    assert build(params, task(side))(torch.zeros(2, 1, side, side + 1)).shape == (2, 2)
    if side > 1:
        with pytest.raises(TaskNotSupported, match=f"at least {side}x{side} pixels"):
            build(params, task(side - 1))
        with pytest.raises(ValueError, match="window goes over the edge"):
            without_refusal(params, side - 1)


def without_refusal(params: PlainCnnParams, side: int) -> None:
    """Push pictures of `side` through the layers of the smallest network there is."""
    network = build(params, task(minimum_side(params)))
    convolutions = next(i for i, m in enumerate(network) if isinstance(m, torch.nn.Flatten))
    try:
        network[:convolutions](torch.zeros(2, 1, side, side))
    except RuntimeError as error:
        raise ValueError("window goes over the edge") from error


def test_the_hint_names_a_size_that_serves() -> None:
    deep = ("--set", "model.filters=[4,4,4,4,4,4]")
    show = ("show", "plain_cnn", "--data", "fashion_csv", *deep)
    refused = clfw(*show)
    assert_refused(refused, 2, "at least 64x64 pixels, and these are 28x28")
    words = refused.err.splitlines()[-1].removeprefix("hint: add ").split()
    assert clfw(*show, *words).code == 0


def test_layers_for_which_no_picture_is_large_enough_are_refused_as_such() -> None:
    params = PlainCnnParams(filters=(2,) * 16)
    with pytest.raises(TaskNotSupported, match="65,536 pixels a side, and 4,096 is the largest"):
        build(params, task(64))
