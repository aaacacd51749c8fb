"""Losses, optimizers, learning rates and averages against their formulas."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy, log_softmax

from clfw.api.params import Resolved
from clfw.config.recipe import Recipe, for_classes
from clfw.config.schedules import SCHEDULES
from clfw.errors import UsageError
from clfw.training.early_stopping import BestTracker
from clfw.training.losses import build_loss
from clfw.training.optimizers import build_optimizer
from training_job import network

TARGETS = torch.tensor([0, 0, 0, 1, 1, 2])
LOGITS = torch.linspace(-2, 2, 18).reshape(6, 3).sin()


def scheduled_lr(recipe: Recipe, step: int, total: int) -> float:
    rate = SCHEDULES[recipe.schedule].rate
    return rate(recipe.lr, step, total, recipe.schedule_params)


def test_a_constant_rate_is_constant():
    assert {scheduled_lr(Recipe(lr=0.3), step, 50) for step in range(50)} == {0.3}


def test_one_cycle_rises_to_its_peak_and_falls_to_a_thousandth():
    recipe = Recipe(lr=0.9, schedule="one_cycle")
    rates = [scheduled_lr(recipe, step, 100) for step in range(100)]
    assert rates[0] == pytest.approx(0.9 / 31)
    assert rates[29] == pytest.approx(0.9 * 30 / 31)
    assert max(rates) == rates[30] == 0.9
    middle = scheduled_lr(recipe, 65, 100)  # half way down the cosine
    assert middle == pytest.approx((0.9 + 0.0009) / 2)
    assert rates[:31] == sorted(rates[:31])
    assert rates[30:] == sorted(rates[30:], reverse=True)
    assert 0.0009 < rates[-1] < 0.003


def test_cosine_starts_at_its_peak_and_falls_to_nothing():
    recipe = Recipe(lr=1.0, schedule="cosine")
    rates = [scheduled_lr(recipe, step, 40) for step in range(40)]
    expected = [(1 + math.cos(math.pi * step / 40)) / 2 for step in range(40)]
    assert rates == pytest.approx(expected)


def test_cosine_with_warm_up_rises_first():
    recipe = Recipe(lr=1.0, schedule="cosine", schedule_params={"warmup": 0.25})
    rates = [scheduled_lr(recipe, step, 40) for step in range(40)]
    assert rates[:10] == pytest.approx([(step + 1) / 11 for step in range(10)])
    assert rates[10] == 1.0
    assert rates[25] == pytest.approx(0.5)


@given(
    schedule=st.sampled_from(list(SCHEDULES)),
    warmup=st.floats(0, 0.99),
    total=st.integers(1, 200),
)
def test_no_rate_is_negative_or_over_the_peak(schedule: str, warmup: float, total: int):
    rises = "warmup" in SCHEDULES[schedule].params.model_fields
    values = {"warmup": warmup} if rises else {}
    recipe = Recipe(lr=0.5, schedule=schedule, schedule_params=values)
    rates = [scheduled_lr(recipe, step, total) for step in range(total)]
    assert all(0 < rate <= 0.5 for rate in rates)


def test_label_smoothing_spreads_a_share_of_the_target():
    found = build_loss(Recipe(loss_params={"label_smoothing": 0.3}), TARGETS, 3)(
        LOGITS, TARGETS, TARGETS
    )
    spread = torch.full((6, 3), 0.1)
    spread[torch.arange(6), TARGETS] += 0.7
    assert float(found) == pytest.approx(float(-(spread * log_softmax(LOGITS, 1)).sum(1).mean()))


def test_balanced_weights_make_every_class_weigh_the_same():
    found = build_loss(Recipe(class_weights="balanced"), TARGETS, 3)(LOGITS, TARGETS, TARGETS)
    single = -log_softmax(LOGITS, 1)[torch.arange(6), TARGETS]
    per_class = [single[k == TARGETS].mean() for k in range(3)]
    assert float(found) == pytest.approx(float(sum(per_class) / 3), rel=1e-6)


def test_given_weights_are_those_of_the_classes():
    found = build_loss(Recipe(class_weights=(1.0, 0.0, 4.0)), TARGETS, 3)(LOGITS, TARGETS, TARGETS)
    single = -log_softmax(LOGITS, 1)[torch.arange(6), TARGETS]
    weight = torch.tensor([1.0, 0.0, 4.0])[TARGETS]
    assert float(found) == pytest.approx(float((single * weight).sum() / weight.sum()), rel=1e-6)


def test_weights_of_another_count_are_refused():
    with pytest.raises(UsageError, match="has 2 values, and there are 3 classes"):
        build_loss(Recipe(class_weights=(1.0, 2.0)), TARGETS, 3)


def test_weights_by_name_are_put_in_the_order_of_the_classes():
    given = Resolved(Recipe(class_weights={"cat": 3.0, "ant": 0.5}), {"class_weights": "--set"})
    settled = for_classes(given, ("ant", "bee", "cat"))
    assert settled.params.class_weights == (0.5, 1.0, 3.0)
    assert settled.origins == given.origins
    for weights in ("balanced", "none", (1.0, 2.0, 3.0)):
        given = Resolved(Recipe(class_weights=weights), {})
        assert for_classes(given, ("ant", "bee", "cat")).params.class_weights == weights


def test_a_weight_for_a_class_that_is_none_is_refused():
    given = Resolved(Recipe(class_weights={"bea": 2.0}), {})
    with pytest.raises(UsageError, match="there is no class 'bea'") as caught:
        for_classes(given, ("ant", "bee", "cat"))
    assert caught.value.hint == "did you mean 'bee'?"


def test_classes_are_not_balanced_twice():
    with pytest.raises(ValueError, match="take one of them"):
        Recipe(class_weights="balanced", sampling="balanced")


def test_targets_may_be_shares_of_classes():
    shares = torch.softmax(LOGITS.flip(0), 1)
    found = build_loss(Recipe(), TARGETS, 3)(LOGITS, shares, TARGETS)
    assert float(found) == pytest.approx(float(cross_entropy(LOGITS, shares)))


def test_a_model_with_nothing_to_train_is_refused():
    with pytest.raises(UsageError, match="no trainable parameter"):
        build_optimizer(network().requires_grad_(False), Recipe())


def test_progress_counts_evaluations_since_the_best():
    recipe = Recipe(patience=2)
    progress = BestTracker()
    scores = ((0.3, -1), (0.3, -1), (0.5, -1), (0.4, 0))
    assert [progress.note(score, recipe) for score in scores] == [True, False, True, False]
    assert not progress.exhausted(recipe)
    progress.note((0.5, -2), recipe)
    assert (progress.best, progress.stale) == ((0.5, -1), 2)
    assert progress.exhausted(recipe)


def test_of_equal_accuracies_the_one_with_the_lower_loss_is_better():
    progress = BestTracker()
    assert progress.note((1.0, -0.9), Recipe())
    assert progress.note((1.0, -0.1), Recipe())
    assert not progress.note((1.0, -0.2), Recipe())


def test_a_plateaus_patience_starts_anew_after_each_fall():
    recipe = Recipe(schedule="plateau", lr=1.0, schedule_params={"factor": 0.5, "patience": 1})
    progress = BestTracker()
    scales = []
    for score in (0.5, 0.4, 0.4, 0.4, 0.6, 0.1, 0.1):
        progress.note((score, 0), recipe)
        scales.append(progress.lr_scale)
    assert scales == [1.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.25]
