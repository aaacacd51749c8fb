"""Plugins whose network does not fit its task: refused before a run folder is made."""

from pathlib import Path

import pytest

from commandline import assert_refused, clfw
from fake_plugins import install
from tiny_sets import write_bars

DATA = ("--data", "csv_images", "--set", "data.path=bars", "--set", "data.validation=0.3")


MODEL = """
from clfw import Architecture, hookimpl
import torch

@hookimpl
def clfw_architectures():
    return [Architecture(name="odd", summary="odd", build="odd_module:build")]

class Odd(torch.nn.Module):
    def __init__(self, task):
        super().__init__()
        self.linear = torch.nn.Linear(task.height * task.width, {outputs})

    def forward(self, images):
        return {returned}

def build(params, task):
    return {built}
"""


@pytest.mark.parametrize(
    ("parts", "fragments"),
    [
        ({"outputs": "7"}, ["'odd'", "3 classes", "(2, 7), expected (2, 3)", "needs 3 outputs"]),
        ({"returned": "(self.linear(images.flatten(1)),)"}, ["'odd'", "tuple", "expected (2, 3)"]),
        ({"returned": "self.linear(images)"}, ["'odd'"]),
        ({"built": "None"}, ["'odd'", "NoneType, not a module"]),
        ({"built": "1 / 0"}, ["'odd'", "ZeroDivisionError"]),
        ({"built": "torch.nn.Flatten()"}, ["'odd'"]),
    ],
    ids=["outputs", "tuple", "forward fails", "no module", "build fails", "nothing to train"],
)
def test_a_model_that_does_not_fit_is_refused_and_its_architecture_named(
    parts: dict[str, str],
    fragments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    filled = {
        "outputs": "task.num_classes",
        "returned": "self.linear(images.flatten(1))",
        "built": "Odd(task)",
    } | parts
    install("odd", MODEL.format(**filled), tmp_path, monkeypatch)
    write_bars(Path("bars"))
    assert_refused(clfw("run", "--model", "odd", *DATA, "--steps", "1"), 69, *fragments)


@pytest.mark.parametrize("view", ["self.linear.weight", "self.linear.weight[1:]"])
def test_a_model_whose_tensors_share_memory_is_refused_with_both_names(
    view: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    source = MODEL.format(
        outputs="task.num_classes", returned="self.linear(images.flatten(1))", built="tied(task)"
    )
    tied = f"""
def tied(task):
    self = Odd(task)
    self.other = torch.nn.Parameter({view}.detach())
    return self
"""
    install("odd", source + tied, tmp_path, monkeypatch)
    write_bars(Path("bars"))
    finished = clfw("run", "--model", "odd", *DATA, "--steps", "1")
    assert_refused(
        finished, 65, "the model's tensors '", "' and '", "'linear.weight'", "share memory"
    )
