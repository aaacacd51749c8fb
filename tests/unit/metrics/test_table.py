"""The figures of a split, held to scikit-learn, to PyTorch and to counting by hand."""

import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn import metrics as sk

from clfw.api.task import Task
from clfw.config.recipe import Recipe
from clfw.metrics.evaluation import Evaluation
from clfw.metrics.labeled_logits import LabeledLogits
from clfw.metrics.objective import StandardEvaluator
from clfw.metrics.table import METRICS, Metric, can_steer, class_metrics, wilson_interval

CLOSE = 1e-12


def labeled(count: int, num_classes: int, seed: int) -> LabeledLogits:
    """Logits that know something of the targets."""
    random = np.random.default_rng(seed)
    targets = random.integers(0, num_classes, count)
    logits = random.normal(size=(count, num_classes)).astype(np.float32)
    logits[np.arange(count), targets] += 1
    return LabeledLogits(
        logits=logits, targets=targets, classes=[f"class {k}" for k in range(num_classes)]
    )


def of(data: LabeledLogits) -> Evaluation:
    """The figures of the standard evaluator."""
    task = Task(classes=tuple(data.classes), channels=1, height=8, width=8)
    return StandardEvaluator().evaluate(data.logits, data.targets, task)


def by_hand(logits: Sequence[Sequence[float]], *targets: int) -> Evaluation:
    """Figures of these logits."""
    classes = [f"class {k}" for k in range(len(logits[0]))]
    array = np.array(logits, np.float32)
    return of(LabeledLogits(logits=array, targets=np.array(targets), classes=classes))


@pytest.mark.parametrize("num_classes", [2, 3, 10, 40])
def test_the_figures_are_those_of_scikit_learn(num_classes: int) -> None:
    data = labeled(500, num_classes, seed=num_classes)
    found, predicted = of(data), data.logits.argmax(1)
    every = list(range(num_classes))
    assert found.accuracy == sk.accuracy_score(data.targets, predicted)
    assert found.loss == pytest.approx(
        sk.log_loss(data.targets, data.probabilities, labels=every), rel=CLOSE
    )
    assert found.confusion == tuple(
        map(tuple, sk.confusion_matrix(data.targets, predicted, labels=every).tolist())
    )
    assert found.macro_f1 == pytest.approx(
        sk.f1_score(data.targets, predicted, average="macro", labels=every), rel=CLOSE
    )
    columns = sk.precision_recall_fscore_support(
        data.targets, predicted, labels=every, zero_division=0
    )
    for row, *wanted in zip(found.per_class, *columns, strict=True):
        assert [row.precision or 0, row.recall, row.f1, row.support] == pytest.approx(wanted)
    if num_classes > 5:
        best = sk.top_k_accuracy_score(data.targets, data.logits, k=5, labels=every)
        assert found.top_k["5"] == pytest.approx(best)


@pytest.mark.parametrize("num_classes", [2, 3, 10, 40])
def test_loss_probabilities_and_classes_are_those_of_pytorch_in_double_precision(
    num_classes: int,
) -> None:
    data = labeled(2000, num_classes, seed=num_classes)
    logits, targets = torch.from_numpy(data.logits).double(), torch.from_numpy(data.targets)
    loss = float(torch.nn.functional.cross_entropy(logits, targets))
    assert of(data).loss == pytest.approx(loss, rel=CLOSE)
    best = logits.softmax(1).max(1)
    assert data.predicted.tolist() == best.indices.tolist()
    assert data.probabilities.max(1) == pytest.approx(best.values.numpy(), rel=CLOSE)
    gaps = torch.zeros(15, dtype=torch.float64)
    right = (best.indices == targets).double()
    gaps.index_add_(0, (best.values * 15).long().clamp_(max=14), best.values - right)
    assert of(data).ece == pytest.approx(float(gaps.abs().sum()) / 2000, abs=CLOSE)


def test_huge_logits_overflow_nothing() -> None:
    found = by_hand([[1e38, -1e38, 0], [0, 3e38, 0]], 0, 0)
    assert found.accuracy == 0.5
    assert found.loss == pytest.approx(1.5e38, rel=1e-6)


def test_of_equal_logits_the_first_is_predicted_and_ranks_first() -> None:
    found = by_hand([[1, 1, 0], [1, 1, 0]], 0, 1)
    assert found.confusion == ((1, 0, 0), (1, 0, 0), (0, 0, 0))
    assert found.top_k == {"1": 0.5}


def test_a_share_of_nothing_is_none() -> None:
    *_, second, third = by_hand([[1, 0, 0], [1, 0, 0]], 0, 1).per_class
    assert (second.precision, second.recall, second.f1, second.support) == (None, 0.0, 0.0, 1)
    assert (third.precision, third.recall, third.f1, third.support) == (None, None, None, 0)


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_share_and_stays_between_0_and_1(counts: tuple[int, int]) -> None:
    right, count = counts
    low, high = wilson_interval(right, count)
    assert 0 <= low <= right / count + CLOSE
    assert right / count - CLOSE <= high <= 1


@pytest.mark.parametrize(("right", "count"), [(0, 5), (8, 10), (998, 1000)])
def test_the_interval_is_that_of_scipy(right: int, count: int) -> None:
    wanted = binomtest(right, count).proportion_ci(method="wilson")
    assert wilson_interval(right, count) == pytest.approx(tuple(wanted), abs=1e-6)


def shuffled(data: LabeledLogits, order: NDArray[Any]) -> LabeledLogits:
    return LabeledLogits(
        logits=data.logits[order], targets=data.targets[order], classes=data.classes
    )


def test_the_order_of_the_pictures_does_not_show() -> None:
    data = labeled(300, 4, seed=1)
    other = of(shuffled(data, np.random.default_rng(0).permutation(300))).to_json()
    for name, figure in of(data).to_json().items():
        assert other[name] == (pytest.approx(figure) if isinstance(figure, float) else figure)


def test_whatever_can_be_monitored_is_a_metric_with_a_better_end() -> None:
    found = of(labeled(50, 3, seed=0))
    names = [name for name, metric in METRICS.items() if can_steer(metric)]
    assert names == ["accuracy", "loss", "ece", "macro_f1"]
    for name in names:
        assert isinstance(found.figures[name], float)
        assert Recipe(monitor=name).monitor == name
    with pytest.raises(ValueError, match="must be 'accuracy', 'loss', 'ece' or 'macro_f1'"):
        Recipe(monitor="confusion")


def test_a_metric_that_can_steer_is_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    worst = Metric(
        name="worst", compute=lambda data: min(c.recall or 0.0 for c in class_metrics(data)),
        best="highest",
    )  # fmt: skip
    monkeypatch.setitem(METRICS, "worst", worst)
    assert Recipe(monitor="worst").monitor == "worst"
    found = by_hand([[1, 0], [1, 0], [0, 1]], 0, 1, 1)
    assert (found.worst, found.score("worst")) == (0.5, (0.5, -found.loss))


def test_every_metric_of_the_table_is_a_figure_under_its_name() -> None:
    assert list(of(labeled(50, 3, seed=0)).figures) == list(METRICS)
    assert all(name == metric.name for name, metric in METRICS.items())


def test_the_names_are_read_without_numpy() -> None:
    script = "import sys; from clfw.metrics.table import METRICS; print(*METRICS); "
    script += "assert 'numpy' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [*METRICS]
