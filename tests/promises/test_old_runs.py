"""Runs and weights that an earlier clfw wrote still resume, predict and evaluate."""

import csv
import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from clfw.artifacts.recorded_run import plan_changes, train_in_groups
from commandline import assert_refused, clfw, succeed
from places import TOP

OLD = TOP / "tests" / "support" / "old_runs"
STOPPED = ("sgd_plateau", "adamw_one_cycle")
DATA = (
    "--data", "drawn_garments", "--set", "data.train=500", "--set", "data.test=60",
    "--set", "data.validation=0.2",
)  # fmt: skip


def copied(name: str) -> Path:
    """A copy of an old run folder, in the working folder."""
    return Path(shutil.copytree(OLD / name, name))


def table(path: str) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with Path(path).open(newline="") as file:
        return list(csv.DictReader(file))


def assert_same_tensors(found: Path, expected: Path, *, exact: bool) -> None:
    """The same bytes, or on another kind of processor nearly the same numbers."""
    ours, theirs = load_file(found), load_file(expected)
    assert ours.keys() == theirs.keys()

    def same(ours: Tensor, theirs: Tensor) -> bool:
        return torch.equal(ours, theirs) if exact else torch.allclose(ours, theirs, atol=1e-3)

    assert [name for name in theirs if not same(ours[name], theirs[name])] == []


@pytest.mark.parametrize("name", STOPPED)
def test_a_stopped_run_goes_on_to_the_bytes_of_one_that_was_never_stopped(name: str) -> None:
    run = copied(name)
    finished = succeed("resume", run)
    assert "resumed from step" in finished.err
    here = torch.backends.cpu.get_cpu_capability()
    there = json.loads((OLD / "expected" / "processor.json").read_text())["cpu"]
    exact = here == there and "are not promised" not in finished.err
    assert_same_tensors(
        run / "model.safetensors", OLD / "expected" / f"{name}.safetensors", exact=exact
    )


def test_a_finished_run_evaluates_to_the_figures_that_it_recorded() -> None:
    run = copied("finished")
    recorded = json.loads((run / "evaluation.json").read_text())
    for split in ("validation", "test"):
        found = succeed("eval", run, *DATA, "--split", split, "--json").json
        assert found["accuracy"] == recorded[split]["accuracy"]
        assert found["loss"] == pytest.approx(recorded[split]["loss"], abs=1e-5)
        assert found["confusion"] == recorded[split]["confusion"]


@pytest.mark.parametrize("what", ["finished", "finished/model.safetensors"])
def test_a_finished_run_predicts_what_it_predicted(what: str) -> None:
    copied("finished")
    succeed("predict", what, *DATA, "--split", "test", "--out", "again.csv")
    rows, expected = table("again.csv"), table("finished/test.csv")
    assert [(row["key"], row["class"]) for row in rows] == [
        (row["key"], row["predicted"]) for row in expected
    ]
    for row, was in zip(rows, expected, strict=True):
        assert float(row["probability"]) == pytest.approx(float(was["probability"]), abs=1e-5)


def test_a_finished_run_goes_on_for_more_epochs() -> None:
    run = copied("finished")
    longer = succeed("resume", run, "--epochs", "6")
    assert "epochs 5 -> 6; the one_cycle learning rate is stretched" in longer.err
    plan = json.loads((run / "plan.json").read_text())
    assert plan["optimizer"]["betas"] == {"value": [0.85, 0.98], "origin": "--set"}
    assert plan["schedule"]["warmup"] == {"value": 0.2, "origin": "--set"}
    assert plan["loss"]["label_smoothing"] == {"value": 0.1, "origin": "--set"}
    assert "betas" not in plan["train"]


def test_a_changed_value_of_an_old_plan_is_still_noticed() -> None:
    run = copied("sgd_plateau")
    plan = json.loads((run / "plan.json").read_text())
    plan["train"]["plateau_factor"]["value"] = 0.5
    (run / "plan.json").write_text(json.dumps(plan))
    assert_refused(clfw("resume", run), 65, "schedule.factor was 0.3 and is 0.5")


def test_a_flat_train_table_is_put_in_groups_without_the_values_of_other_choices() -> None:
    flat = {
        "lr": 0.1, "optimizer": "sgd", "momentum": 0.8, "nesterov": True, "betas": [0.9, 0.99],
        "schedule": "plateau", "plateau_factor": 0.3, "warmup": 0.2, "label_smoothing": 0.1,
    }  # fmt: skip
    assert train_in_groups(flat, flat) == {
        "train": {"lr": 0.1, "optimizer": "sgd", "schedule": "plateau"},
        "optimizer": {"momentum": 0.8, "nesterov": True},
        "schedule": {"factor": 0.3},
        "loss": {"label_smoothing": 0.1},
    }


def test_of_two_plans_in_groups_every_difference_is_told() -> None:
    then = {"train.loss": "cross_entropy", "optimizer.momentum": 0.9}
    assert plan_changes(then, then) == []
    assert plan_changes(then, then | {"optimizer.momentum": 0.8}) == [
        "optimizer.momentum was 0.9 and is 0.8"
    ]
