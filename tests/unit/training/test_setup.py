"""The device, the trainer and the evaluator can each be exchanged whole, by a few lines."""

import contextlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from clfw.api.reports import EpochReport
from clfw.api.task import Task
from clfw.metrics.evaluation import Evaluation
from clfw.metrics.table import ClassMetrics
from clfw.training.protocols import FitResult, TrainInputs
from clfw.training.setup import Engine
from commandline import succeed
from tiny_sets import write_bars

DATA = ("--data", "csv_images", "--set", "data.path=bars", "--set", "data.validation=0.3")
RUN = ("run", "--model", "fashion_mlp", *DATA, "--json")


class CountingDevice:
    """Computes in double precision on the CPU and counts its forward passes."""

    def __init__(self, request: str) -> None:
        self.request = request
        self.torch_device = torch.device("cpu")
        self.memory_format = torch.contiguous_format
        self.passes = 0

    def place(self, model: nn.Module, memory_format: str | None = None) -> nn.Module:
        model.register_forward_pre_hook(self._count)
        return model

    def _count(self, model: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        self.passes += 1

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        return contextlib.nullcontext()

    def facts(self) -> dict[str, str]:
        return {"device": f"abacus (asked for {self.request})"}


class ConstantTrainer:
    """Learns nothing but which class is most frequent."""

    def fit(self, inputs: TrainInputs) -> FitResult:
        last = [m for m in inputs.model.modules() if isinstance(m, nn.Linear)][-1]
        with torch.no_grad():
            last.weight.zero_()
            last.bias.copy_(torch.bincount(inputs.training.targets, minlength=inputs.num_classes))
        report = EpochReport(
            epoch=1, step=1, loss=1.0, accuracy=0.5, gradient_norm=0.0, lr=0.0, evaluations=(),
            seconds=0.5, images_per_second=2.0 * len(inputs.training), steps=((1.0, 0.5, 0.0),),
        )  # fmt: skip
        inputs.report(report)
        return FitResult(
            history=(report,), weights="last", averaged=False, step=1, stopped="counted"
        )


class GenerousEvaluator:
    """Finds every answer right."""

    def evaluate(self, logits: NDArray[Any], targets: NDArray[np.int64], task: Task) -> Evaluation:
        counts = np.bincount(targets, minlength=task.num_classes)
        perfect = tuple(
            ClassMetrics(name=name, precision=1.0, recall=1.0, f1=1.0, support=count)
            for name, count in zip(task.classes, counts.tolist(), strict=True)
        )
        confusion = tuple(map(tuple, np.diag(counts).tolist()))
        return Evaluation(
            {
                "accuracy": 1.0, "loss": 0.25, "count": len(targets), "interval": (1.0, 1.0),
                "ece": 0.0, "per_class": perfect, "confusion": confusion, "generosity": 11,
            }
        )  # fmt: skip


@pytest.fixture(autouse=True)
def bars() -> Path:
    """Three classes, the first of which is the most frequent."""
    classes = ("bottom", "middle", "bottom", "top")
    return write_bars(Path("bars"), train=40, test=8, classes=classes, test_labels=True)


def test_a_run_goes_through_three_foreign_parts():
    devices: list[CountingDevice] = []
    engine = Engine(
        device=lambda request: devices.append(CountingDevice(request)) or devices[-1],
        trainer=ConstantTrainer(),
        evaluator=GenerousEvaluator(),
    )
    finished = succeed(*RUN, "--device", "cpu", obj=engine)
    result, folder = finished.json, Path(finished.json["run"])
    assert "abacus (asked for cpu)" in finished.err
    assert json.loads((folder / "environment.json").read_text())["device"].startswith("abacus")
    assert (result["epochs"], result["steps"], result["stopped"]) == (1, 1, "counted")
    assert result["validation"] == result["test"] == {"accuracy": 1.0, "loss": 0.25}
    assert result["images_per_second"] == pytest.approx(2.0 * sum_of_training_rows(folder))
    assert devices[0].passes == 1 + 3  # the trial and one evaluation a split


def sum_of_training_rows(folder: Path) -> int:
    return json.loads((folder / "data.json").read_text())["rows"]["train"]


def test_the_weights_are_what_the_trainer_left():
    result = succeed(*RUN, obj=Engine(trainer=ConstantTrainer())).json
    answers = succeed("predict", result["run"], *DATA, "--json").json
    assert {answer["name"] for answer in answers} == {"bottom"}
    assert result["test"]["accuracy"] == 0.5
    assert result["weights"] == {"which": "last", "step": 1}


def test_eval_and_predict_go_through_them_too():
    run = succeed(*RUN, "--steps", "1").json["run"]
    devices: list[CountingDevice] = []
    engine = Engine(
        device=lambda request: devices.append(CountingDevice(request)) or devices[-1],
        evaluator=GenerousEvaluator(),
    )
    figures = succeed("eval", run, *DATA, "--json", obj=engine).json
    assert (figures["accuracy"], figures["generosity"]) == (1.0, 11)
    succeed("predict", run, *DATA, "--json", obj=engine)
    assert [device.passes for device in devices] == [1, 1]
