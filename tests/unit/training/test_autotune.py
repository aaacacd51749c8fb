"""`--autotune`: the way to compute that is fastest here is measured, taken, told and kept."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from clfw.training import autotune
from clfw.training.autotune import Candidate
from clfw.training.setup import Engine
from commandline import assert_refused, clfw, succeed
from tiny_sets import write_bars

DATA = ("--data", "csv_images", "--set", "data.path=bars", "--set", "data.validation=0.3")
RUN = ("run", "--model", "fashion_cnn", *DATA, "--json", "--epochs", "2", "--batch-size", "10")
SECONDS = {
    ("contiguous", 2): 0.002, ("channels-last", 2): 0.003,
    ("contiguous", 1): 0.004, ("channels-last", 1): 0.005,
}  # fmt: skip
FASTER = {**SECONDS, ("channels-last", 1): 0.001}


@pytest.fixture(autouse=True)
def bars() -> Iterator[None]:
    """A small set, and two threads, whatever the machine has."""
    write_bars(Path("bars"))
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def let_it_measure(patch: pytest.MonkeyPatch, seconds: dict[tuple[str, int], float]) -> None:
    """Make a candidate's updates take so many seconds."""

    def timed(each: Candidate, engine: Engine, updates: int) -> float:
        return seconds[each.plan.memory_format, each.plan.threads]

    patch.setattr(autotune, "timed", timed)


def plan_of(finished: object) -> dict[str, object]:
    return json.loads((Path(finished.json["run"]) / "plan.json").read_text())


def test_the_fastest_way_is_taken_told_and_kept_in_the_plan(monkeypatch: pytest.MonkeyPatch):
    let_it_measure(monkeypatch, FASTER)
    finished = succeed(*RUN, "--autotune")
    told = [line for line in finished.err.splitlines() if line.startswith("tune ")]
    assert told == [
        "tune    measuring 4 ways to compute, about 10 s",
        "tune    contiguous, 2 threads: 5,000 images/s (usual)",
        "tune    channels-last, 2 threads: 3,333 images/s",
        "tune    contiguous, 1 thread: 2,500 images/s",
        "tune    channels-last, 1 thread: 10,000 images/s (taken)",
    ]
    plan = plan_of(finished)
    assert (plan["memory_format"], plan["threads"]) == ("channels-last", 1)
    assert "threads 1; " in finished.err
    assert "memory format channels-last (measured by --autotune)" in finished.err


def test_the_usual_way_stays_unless_another_is_clearly_faster(monkeypatch: pytest.MonkeyPatch):
    let_it_measure(monkeypatch, {**SECONDS, ("channels-last", 2): 0.00195})
    finished = succeed(*RUN, "--autotune")
    assert "contiguous, 2 threads: 5,000 images/s (usual, taken)" in finished.err
    plan = plan_of(finished)
    assert (plan["memory_format"], plan["threads"]) == ("contiguous", 2)


def test_threads_that_a_person_names_stay(monkeypatch: pytest.MonkeyPatch):
    let_it_measure(monkeypatch, FASTER)
    finished = succeed(*RUN, "--autotune", "--threads", 2)
    assert finished.err.count("tune ") == 3
    assert plan_of(finished)["threads"] == 2


def test_updates_that_take_too_long_end_a_round_and_rounds_that_do_the_measuring(
    monkeypatch: pytest.MonkeyPatch,
):
    updates = []
    real = autotune.timed
    consider = autotune.Stopwatch.maybe_save

    def counted(watch: autotune.Stopwatch, state: autotune.State) -> None:
        updates.append(state.step)
        consider(watch, state)

    monkeypatch.setattr(autotune, "timed", lambda each, engine, count: real(each, engine, 100))
    monkeypatch.setattr(autotune.Stopwatch, "maybe_save", counted)
    monkeypatch.setattr(autotune, "ROUND", 0.0)
    monkeypatch.setattr(autotune, "PATIENCE", 0.0)
    succeed(*RUN, "--autotune", "--threads", 1)
    assert updates == [1] * 6  # of two ways: twice before the only round, and in it


def test_a_measured_run_has_the_weights_of_one_that_was_told_to_compute_so(
    monkeypatch: pytest.MonkeyPatch,
):
    """What the measuring trains are copies: usual format and threads give the usual bits."""
    alone = succeed(*RUN)
    monkeypatch.setattr(autotune, "WORTH", float("inf"))  # so that the usual way stays
    monkeypatch.setattr(autotune, "ROUND", 0.0)
    finished = succeed(*RUN, "--autotune")
    first, second = (
        load_file(Path(each.json["run"]) / "model.safetensors") for each in (alone, finished)
    )
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_resumed_run_computes_as_was_measured(monkeypatch: pytest.MonkeyPatch):
    let_it_measure(monkeypatch, FASTER)
    run = succeed(*RUN, "--autotune").json["run"]
    assert "promised" not in succeed("resume", run, "--epochs", 3).err
    environment = json.loads((Path(run) / "environment.json").read_text())
    assert environment["memory format"] == "channels-last (measured by --autotune)"
    assert torch.get_num_threads() == 1


def test_a_memory_format_that_nobody_knows_is_damage(monkeypatch: pytest.MonkeyPatch):
    let_it_measure(monkeypatch, FASTER)
    run = Path(succeed(*RUN, "--autotune").json["run"])
    plan = run / "plan.json"
    plan.write_text(plan.read_text().replace('"channels-last"', '"sideways"'))
    finished = clfw("resume", run, "--epochs", 3)
    assert finished.code == 65
    assert "damaged" in finished.err


def test_a_frozen_backbone_is_not_tuned():
    values = ("--set", "model.backbone=resnet10t", "--set", "model.backbone_weights=random")
    finished = clfw("run", "--model", "frozen_backbone", *values, *DATA, "--autotune")
    assert_refused(finished, 2, "--autotune: the backbone is frozen", "leave --autotune out")
