"""A split's figures: by name, as attributes, as JSON and back, as what steers a training."""

import copy
import json
import pickle

import numpy as np
import pytest

from clfw.api.task import Task
from clfw.metrics.evaluation import Evaluation
from clfw.metrics.objective import StandardEvaluator

TASK = Task(classes=("cat", "dog"), channels=1, height=8, width=8)
LOGITS = np.array([[2, 0], [0, 1], [1, 0]], np.float32)
FOUND = StandardEvaluator().evaluate(LOGITS, np.array([0, 1, 1]), TASK)


def test_figures_are_attributes_whoever_computed_them() -> None:
    assert FOUND.ece == FOUND.figures["ece"]
    assert FOUND.count == 3
    assert Evaluation({"kappa": 0.5}).kappa == 0.5
    with pytest.raises(AttributeError, match="no figure named 'kapa'"):
        Evaluation({"kappa": 0.5}).kapa  # noqa: B018


def test_evaluations_are_copied_pickled_and_compared() -> None:
    for other in (copy.copy(FOUND), copy.deepcopy(FOUND), pickle.loads(pickle.dumps(FOUND))):
        assert other == FOUND
    assert Evaluation({"accuracy": 0.5}) != FOUND


def test_json_has_the_keys_in_order_and_gives_the_figures_back() -> None:
    written = json.loads(json.dumps(FOUND.to_json()))
    assert list(written) == [
        "accuracy", "loss", "count", "interval", "top_k", "ece", "macro_f1", "per_class", "confusion",
    ]  # fmt: skip
    assert written["per_class"][0]["name"] == "cat"
    assert Evaluation.from_json(written) == FOUND


def test_an_unknown_figure_survives_json() -> None:
    assert Evaluation.from_json({"kappa": 0.5, "loss": 1.0}).figures == {"kappa": 0.5, "loss": 1.0}


@pytest.mark.parametrize(
    ("monitor", "score"),
    [("accuracy", (0.5, -1.0)), ("loss", (-1.0, 0.5)), ("macro_f1", (0.25, -1.0))],
)
def test_the_larger_score_is_the_better_one_whatever_is_monitored(
    monitor: str, score: tuple[float, float]
) -> None:
    assert Evaluation({"accuracy": 0.5, "loss": 1.0, "macro_f1": 0.25}).score(monitor) == score
