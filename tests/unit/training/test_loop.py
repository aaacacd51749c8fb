"""The loop: what it learns from, when it steps, when it evaluates, when it stops."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from clfw.api.reports import EpochReport
from clfw.config.schedules import SCHEDULES
from clfw.errors import Diverged
from clfw.models.batches import shuffled
from clfw.training.meters import EpochMeter
from training_job import everything, figures, fit, losses, network, pictures, script, weights

OPTIMIZERS = ["sgd", "adam", "adamw"]
PLAIN = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, weight_decay=1e-3, foreach=False),
    "adam": lambda p: torch.optim.Adam(p, lr=0.05, weight_decay=1e-3, foreach=False),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.05, weight_decay=1e-3, foreach=False),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("batch_norm", [False, True])
def test_the_loop_learns_as_one_written_out_by_hand(optimizer: str, batch_norm: bool):
    """Equal losses to 1e-5: the fused kernels and the plain ones round in different places."""
    data = pictures(50)
    model = network(batch_norm=batch_norm)
    by_hand = copy.deepcopy(model)
    trained = fit(
        model, data, optimizer=optimizer, lr=0.05, weight_decay=1e-3, epochs=4, batch_size=16, seed=11,
    )  # fmt: skip

    stepper = PLAIN[optimizer](by_hand.parameters())
    whole = everything(data)
    expected = []
    for epoch in range(4):
        order = shuffled(50, 11, epoch)
        for start in range(0, 50, 16):
            rows = order[start : start + 16]
            by_hand.train()
            loss = cross_entropy(by_hand((whole.images[rows] - 0.5) / 0.25), whole.targets[rows])
            stepper.zero_grad()
            loss.backward()
            stepper.step()
            expected.append(loss.item())
    assert losses(trained) == pytest.approx(expected, abs=1e-5)
    if not batch_norm:  # a bias before batch norm has no gradient but rounding
        assert torch.allclose(weights(model), weights(by_hand), atol=1e-5)
    assert trained.history[-1].loss < 0.9 * trained.history[0].loss  # it did learn


def test_an_epochs_figures_are_means_over_its_pictures():
    trained = fit(network(), pictures(20), batch_size=8, lr=1e-9)
    (report,) = trained.history
    sizes = torch.tensor([8.0, 8.0, 4.0])
    loss, accuracy, norm = torch.tensor(report.steps).T
    assert report.loss == pytest.approx(float((loss * sizes).sum() / 20), rel=1e-6)
    assert report.accuracy == pytest.approx(float((accuracy * sizes).sum() / 20), rel=1e-6)
    assert report.gradient_norm == pytest.approx(float(norm.mean()), rel=1e-6)
    assert (report.epoch, report.step, report.lr) == (1, 3, 1e-9)
    assert report.accuracy * 20 == pytest.approx(round(report.accuracy * 20), abs=1e-4)


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        ({"epochs": 2, "batch_size": 8}, [(1, 3), (2, 6)]),
        ({"epochs": 2, "batch_size": "full"}, [(1, 1), (2, 2)]),
        ({"epochs": 2, "batch_size": 4, "accumulate": 2}, [(1, 3), (2, 6)]),
        ({"steps": 4, "batch_size": 8}, [(1, 3), (2, 4)]),
        ({"steps": 4, "epochs": 1, "batch_size": 8}, [(1, 3), (2, 4)]),
        ({"epochs": 1, "batch_size": 19}, [(1, 1)]),  # the one left over joins the batch before
    ],
)
def test_epochs_and_steps_are_as_many_as_asked(
    recipe: dict[str, Any], expected: list[tuple[int, int]]
):
    reports: list[EpochReport] = []
    trained = fit(network(), pictures(20), report=reports.append, **recipe)
    assert [(report.epoch, report.step) for report in reports] == expected
    assert trained.history == tuple(reports)
    assert trained.step == expected[-1][1]


@pytest.mark.parametrize("weighted", ["none", "balanced"])
def test_accumulation_learns_as_the_large_batch_does(weighted: str):
    large, small = network(), network()
    values = {"optimizer": "adam", "lr": 0.02, "epochs": 3, "class_weights": weighted}
    one = fit(large, pictures(45), batch_size=12, **values)
    many = fit(small, pictures(45), batch_size=4, accumulate=3, **values)
    assert losses(many) == pytest.approx(losses(one), abs=1e-5)
    assert torch.allclose(weights(large), weights(small), atol=1e-4)


def test_clipping_bounds_the_step_and_the_recorded_norm_is_that_before_it():
    model = network()
    before = weights(model)
    trained = fit(model, pictures(8), lr=1.0, clip_norm=0.01)
    assert float((weights(model) - before).norm()) == pytest.approx(0.01, rel=1e-3)
    assert trained.history[0].gradient_norm > 0.1
    free = network()
    fit(free, pictures(8), lr=1.0)
    assert float((weights(free) - before).norm()) == pytest.approx(
        trained.history[0].gradient_norm, rel=1e-5
    )


class Poisoned(nn.Module):
    """A network that goes wrong at one of its training passes."""

    def __init__(self, step: int, fault: str) -> None:
        super().__init__()
        self.network = network()
        self.step, self.fault, self.passes = step, fault, 0

    def forward(self, images: Tensor) -> Tensor:
        self.passes += 1
        logits = self.network(images)
        if self.passes != self.step:
            return logits
        if self.fault == "loss":
            return logits * float("nan")
        return logits + (logits - logits).sqrt()  # adds 0, with an infinite gradient


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("fault", ["loss", "gradient"])
def test_a_value_that_is_not_finite_stops_and_spares_the_weights(optimizer: str, fault: str):
    """The epoch has six updates; the fault is in the third, and nothing after it counts."""
    values = {"optimizer": optimizer, "lr": 0.01}
    sound = network()
    fit(sound, pictures(48), steps=2, **values)
    poisoned = Poisoned(3, fault)
    place = r"step 3 of 6 \(epoch 1\): "
    with pytest.raises(
        Diverged, match=f"{place}{fault}( of parameter 'network.1.weight')? is not finite"
    ) as caught:
        fit(poisoned, pictures(48), **values)
    assert caught.value.exit_code == 79
    assert poisoned.passes == 6
    assert torch.equal(weights(poisoned.network), weights(sound))


def test_a_fault_in_a_later_epoch_is_named_by_its_update():
    with pytest.raises(Diverged, match=r"step 8 of 18 \(epoch 2\): loss is not finite"):
        fit(Poisoned(8, "loss"), pictures(48), epochs=3)


def test_a_fault_is_found_before_an_evaluation_sees_it():
    seen: list[int] = []

    def evaluate(model: nn.Module) -> Any:
        seen.append(1)
        return figures(0.5)

    with pytest.raises(Diverged, match="step 3"):
        fit(Poisoned(3, "loss"), pictures(48), {"validation": evaluate}, evaluate_steps=2)
    assert seen == [1]


def test_an_evaluation_leaves_the_training_mode_as_it_was_needed():
    modes: list[bool] = []

    def evaluate(model: nn.Module) -> Any:
        model.eval()
        return figures(0.5)

    model = network(batch_norm=True).eval()
    model.register_forward_hook(lambda module, *_: modes.append(module.training))
    fit(model, pictures(48), {"validation": evaluate}, evaluate_steps=2)
    assert modes == [True] * 6


def test_best_weights_are_those_of_the_best_evaluation():
    first_two, best, last = network(), network(), network()
    fit(first_two, pictures(20), epochs=2)
    scores = {"validation": script([0.5, 0.9, 0.9, 0.3])}
    trained = fit(best, pictures(20), scores, epochs=4)
    assert (trained.weights, trained.step) == ("best", 6)
    assert torch.equal(weights(best), weights(first_two))
    kept = fit(last, pictures(20), {"validation": script([0.5, 0.9, 0.3])}, epochs=4, keep="last")
    assert (kept.weights, kept.step) == ("last", 12)
    assert not torch.equal(weights(last), weights(first_two))
    assert losses(kept) == losses(trained)


def test_by_loss_the_lowest_is_best():
    model, first = network(), network()
    fit(first, pictures(20), epochs=1)
    held_out = {"validation": script([0.1, 0.9], [0.5, 0.7, 0.6])}
    assert fit(model, pictures(20), held_out, epochs=3, monitor="loss").step == 3
    assert torch.equal(weights(model), weights(first))


def test_a_figure_that_is_no_number_is_never_best():
    held_out = {"validation": script([0.2], [float("nan"), 0.9, float("nan")])}
    assert fit(network(), pictures(20), held_out, epochs=3, monitor="loss").step == 6


def test_without_a_validation_split_the_last_weights_are_kept():
    trained = fit(network(), pictures(20), epochs=2)
    assert (trained.weights, trained.step) == ("last", 6)
    assert trained.history[-1].evaluations == ()


def test_the_test_split_is_observed_and_never_steers():
    held_out = {"validation": script([0.5, 0.4]), "test": script([0.1, 0.9])}
    trained = fit(network(), pictures(20), held_out, epochs=3)
    assert trained.step == 3
    assert [p.split for p in trained.history[0].evaluations] == ["validation", "test"]
    only = fit(network(), pictures(20), {"test": script([0.9, 0.1])}, epochs=3, patience=1)
    assert (only.weights, only.step, only.stopped) == ("last", 9, "")


def test_early_stopping_waits_for_its_patience():
    held_out = {"validation": script([0.5, 0.6, 0.6, 0.55, 0.6, 0.9])}
    trained = fit(network(), pictures(20), held_out, epochs=20, patience=3)
    assert len(trained.history) == 5
    assert trained.step == 6
    assert trained.stopped == "stopped early: no better validation accuracy in 3 evaluations"


def test_early_stopping_within_an_epoch_ends_it():
    held_out = {"validation": script([0.5])}
    trained = fit(network(), pictures(80), held_out, epochs=3, patience=2, evaluate_steps=2)
    assert [(report.epoch, report.step) for report in trained.history] == [(1, 6)]
    assert len(losses(trained)) == 6


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        ({"epochs": 3}, [3, 6, 9]),
        ({"epochs": 3, "evaluate_epochs": 2}, [6, 9]),
        ({"epochs": 3, "evaluate_steps": 4}, [4, 8, 9]),
        ({"steps": 4}, [3, 4]),
        ({"steps": 4, "evaluate_steps": 2}, [2, 4]),
    ],
)
def test_evaluations_come_when_due_and_always_at_the_end(
    recipe: dict[str, Any], expected: list[int]
):
    trained = fit(network(), pictures(20), {"validation": script([0.5])}, **recipe)
    steps = [point.step for report in trained.history for point in report.evaluations]
    assert steps == expected


def test_a_plateau_lowers_the_learning_rate_and_not_below_its_least():
    trained = fit(
        network(), pictures(20), {"validation": script([0.5])}, epochs=9, lr=0.1,
        schedule="plateau", schedule_params={"factor": 0.1, "patience": 1, "min_lr": 2e-4},
    )  # fmt: skip
    lrs = [report.lr for report in trained.history]
    assert lrs == pytest.approx([0.1, 0.1, 0.1, 0.01, 0.01, 1e-3, 1e-3, 2e-4, 2e-4])


def test_every_update_has_the_learning_rate_of_its_schedule():
    trained = fit(network(), pictures(20), epochs=4, lr=0.5, schedule="one_cycle")
    one_cycle = SCHEDULES["one_cycle"]
    expected = [one_cycle.rate(0.5, step, 12, one_cycle.params()) for step in (2, 5, 8, 11)]
    assert [report.lr for report in trained.history] == pytest.approx(expected)
    model, by_hand = network(), network()
    fit(model, pictures(8), steps=1, lr=0.5, schedule="one_cycle")
    whole = everything(pictures(8))
    cross_entropy(by_hand((whole.images - 0.5) / 0.25), whole.targets).backward()
    with torch.no_grad():
        for parameter in by_hand.parameters():
            parameter -= one_cycle.rate(0.5, 0, 1, one_cycle.params()) * parameter.grad
    assert torch.allclose(weights(model), weights(by_hand), atol=1e-6)


def test_averaged_weights_are_evaluated_and_saved():
    model = network(batch_norm=True)
    seen: list[Tensor] = []
    averages: list[Tensor] = []
    average: Tensor | None = None

    def evaluate(shadow: nn.Module) -> Any:
        assert shadow is not model
        seen.append(weights(shadow))
        return figures(0.5)

    raw = network(batch_norm=True)
    average = weights(raw)
    for step in range(1, 7):  # the same updates by hand, one run a step
        after = network(batch_norm=True)
        fit(after, pictures(20), steps=step)
        decay = min(0.8, (1 + step) / (10 + step))
        average = decay * average + (1 - decay) * weights(after)
        averages.append(average)
    trained = fit(
        model, pictures(20), {"validation": evaluate}, steps=6, ema=0.8, evaluate_steps=3,
        keep="last",
    )  # fmt: skip
    assert trained.averaged
    assert torch.allclose(seen[0], averages[2], atol=1e-6)
    assert torch.allclose(seen[1], averages[5], atol=1e-6)
    assert torch.allclose(weights(model), averages[5], atol=1e-6)


def test_augmentation_sees_rows_and_epoch_and_its_targets_are_learned():
    seen: list[tuple[int, list[int]]] = []

    def augment(images: Tensor, targets: Tensor, rows: Tensor, epoch: int) -> tuple[Tensor, Tensor]:
        seen.append((epoch, rows.tolist()))
        assert float(images.min()) >= 0
        assert float(images.max()) <= 1
        soft = torch.full((len(targets), 3), 1 / 3)
        return images, soft

    trained = fit(network(), pictures(20), augment=augment, epochs=2, lr=0.5, batch_size=10)
    assert [epoch for epoch, _ in seen] == [0, 0, 1, 1]
    assert sorted(seen[0][1] + seen[1][1]) == list(range(20))
    assert all(loss >= 1.0986 for loss in losses(trained))  # ln 3, the least for even targets


def test_equal_seeds_train_to_equal_bits():
    def trained(seed: int) -> Tensor:
        model = network()
        fit(model, pictures(40), optimizer="adam", epochs=3, seed=seed)
        return weights(model)

    assert torch.equal(trained(1), trained(1))
    assert not torch.equal(trained(1), trained(2))


def test_frozen_parameters_stay_as_they_are():
    model = network()
    model[1].requires_grad_(False)
    before = model[1].weight.clone()
    head = model[3].weight.clone()
    fit(model, pictures(20), weight_decay=0.1)
    assert torch.equal(model[1].weight, before)
    assert not torch.equal(model[3].weight, head)


def test_an_epoch_taken_up_counts_only_its_own_pictures_in_its_speed():
    meter = EpochMeter(torch.device("cpu"), 4)
    meter.load_state_dict({"rows": torch.zeros(3, 3), "sizes": torch.tensor([10, 10, 10])})
    report = meter.report(1, 3, 0.1, ())
    assert len(report.steps) == 3
    assert report.images_per_second == 0
