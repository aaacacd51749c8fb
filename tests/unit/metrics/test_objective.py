"""The objective of a kind of task: what logits say, and the row that is written of it."""

from typing import get_args

import numpy as np

from clfw.api.task import Kind, Task
from clfw.metrics.labeled_logits import LabeledLogits
from clfw.metrics.objective import OBJECTIVES, objective_of

TASK = Task(classes=("cat", "dog", "owl"), channels=1, height=8, width=8)


def test_every_kind_of_task_has_its_objective_and_single_label_is_the_usual_one() -> None:
    assert set(OBJECTIVES) == set(get_args(Kind))
    assert TASK.kind == "single_label"
    assert objective_of(TASK) is OBJECTIVES["single_label"]


def test_a_decision_names_the_most_probable_class() -> None:
    logits = np.log(np.array([[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]])).astype(np.float32)
    decision = objective_of(TASK).decide(logits)
    assert decision.predicted.tolist() == [0, 2]
    np.testing.assert_allclose(decision.probability, [0.5, 0.7], rtol=1e-6)
    np.testing.assert_allclose(decision.probabilities.sum(1), 1)


def test_a_row_has_key_truth_prediction_probability_and_loss() -> None:
    logits = np.log(np.array([[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]])).astype(np.float32)
    data = LabeledLogits(logits=logits, targets=np.array([0, 1]), classes=TASK.classes)
    objective = objective_of(TASK)
    assert objective.columns == ("key", "true", "predicted", "probability", "loss")
    assert list(objective.rows(["a", "b"], data)) == [
        ("a", "cat", "cat", "0.500000", "0.693147"),
        ("b", "dog", "owl", "0.700000", "1.609438"),
    ]


def test_the_most_probable_classes_come_best_first_and_of_equal_ones_the_first() -> None:
    decision = objective_of(TASK).decide(np.array([[0, 2, 1], [1, 0, 1]], np.float32))
    assert decision.most_probable(2).tolist() == [[1, 2], [0, 2]]
    assert decision.most_probable(9).shape == (2, 3)
