"""A run that was ended at any point and resumed ends with the bits of one that nothing disturbed."""

import importlib
import json
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from commandline import assert_refused, clfw, succeed
from killing import (
    SMALL,
    Reference,
    Tally,
    check,
    go_on,
    kill_at,
    kill_in_chains,
    killed,
    some_of_every_kind,
)
from killing import reference as whole_run
from matrix import COMBINATIONS, DROPOUT, NORM, group, plain, train, write_data
from mutants import MUTANTS
from trials import KINDS, Kill, bits, trial, working_in, workplace

RICH = plain(
    *DROPOUT, *NORM, "--augment", "flip,rotate", "--epochs", "6",
    *train(
        ema=0.8, schedule="plateau", patience=9, evaluate_steps=2, lr=0.5, seed=6, monitor="loss",
    ),
    *group("schedule", patience=0, factor=0.9),
)  # fmt: skip


@pytest.fixture
def place() -> Iterator[None]:
    """A working folder with the small data set."""
    with workplace():
        write_data()
        yield


def assert_all_exact(tally: Tally) -> None:
    assert tally.faults == []
    assert tally.planned == tally.landed == tally.exact > 0


def test_a_run_killed_at_events_of_every_kind_ends_with_the_same_bits(place: None):
    whole = whole_run(SMALL)
    tally = kill_at(whole, some_of_every_kind(whole, 2))
    assert_all_exact(tally)
    assert tally.kinds.keys() == set(KINDS) - {"cut"}  # files are cut by a resume alone


def test_a_resume_killed_at_events_of_every_kind_ends_with_the_same_bits(place: None):
    whole = whole_run(SMALL)
    # After an epoch's rows are on disk and before they are in a checkpoint.
    at = whole.places("evaluation")[1] + 4
    killed(whole, at)
    kept = shutil.copytree("run", "kept", symlinks=True)
    again = go_on(whole)
    assert bits(Path("run")) == whole.bits
    tally = Tally()
    for number in some_of_every_kind(Reference(SMALL, {}, again.events), 1):
        shutil.rmtree("run")
        shutil.copytree(kept, "run")
        tally.planned += 1
        ended = go_on(whole, partial(Kill, at=number))
        tally.landed += ended.code == -9
        tally.kinds[ended.acted[0]] += 1
        check(whole, go_on(whole), tally, f"resume killed at {number}")
    assert_all_exact(tally)
    assert tally.kinds.keys() == set(KINDS)


def test_chains_of_kills_end_with_the_same_bits(place: None):
    assert_all_exact(kill_in_chains(whole_run(SMALL), range(4)))


@pytest.mark.slow
def test_a_run_killed_at_every_single_event_ends_with_the_same_bits(place: None):
    whole = whole_run(SMALL)
    tally = kill_at(whole, range(len(whole.events)))
    assert_all_exact(tally)
    assert tally.planned == len(whole.events)


@pytest.mark.slow
def test_fifty_chains_of_kills_end_with_the_same_bits(place: None):
    assert_all_exact(kill_in_chains(whole_run(SMALL), range(100, 150)))


@pytest.mark.slow
@pytest.mark.parametrize("name", COMBINATIONS)
def test_every_combination_survives_twenty_kills(name: str, place: None):
    whole = whole_run(COMBINATIONS[name])
    places = [number * len(whole.events) // 20 for number in range(20)]
    tally = kill_at(whole, places)
    assert_all_exact(tally)
    assert tally.planned == 20


@pytest.mark.parametrize("name", [n for n in COMBINATIONS if not n.startswith("frozen")])
def test_every_kind_of_state_survives(name: str, place: None):
    whole = whole_run(COMBINATIONS[name])
    steps = whole.places("step")
    assert_all_exact(kill_at(whole, [steps[len(steps) // 2], steps[-1]]))


def test_a_head_on_stored_features_survives(place: None):
    importlib.import_module("timm")  # once, and not in every process
    whole = whole_run(COMBINATIONS["frozen backbone"])
    assert_all_exact(kill_at(whole, whole.places("step")[4:5]))


@pytest.fixture(scope="module")
def broken_off(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Reference, Path]]:
    """A run of every kind of state, killed in mid-epoch, after steps that are not in a checkpoint."""
    root = tmp_path_factory.mktemp("broken")
    with working_in(root):
        write_data()
        whole = whole_run(RICH)
        at = whole.places("step")[20]  # an epoch's rows are on disk since the last checkpoint
        killed(whole, at)
        last = max(Path("run/checkpoints").glob("step-*"))
        state = json.loads((last / "state.json").read_text())
        rows = Path("run/metrics.jsonl").stat().st_size
        assert state["has_best"]
        assert 0 < state["best_step"] < int(last.name[5:])
        assert state["progress"]["lr_scale"] < 1
        assert state["progress"]["stale"] > 0
        assert state["points"]
        assert rows > state["files"]["metrics.jsonl"]
    yield whole, root


def resumed_by(broken_off: tuple[Reference, Path], mutant: str | None) -> Tally:
    """Resume a copy of the broken-off run, with a mutant or none."""
    whole, root = broken_off
    with workplace():
        for name in ("cache", "work"):
            shutil.copytree(root / name, Path("..") / name, dirs_exist_ok=True)
        tally = Tally()
        patch = MUTANTS[mutant] if mutant else lambda: None
        check(whole, go_on(whole, patch=patch), tally, mutant or "no mutant")
        return tally


def test_the_broken_off_run_is_exact_without_a_mutant(broken_off: tuple[Reference, Path]):
    """Else every mutant below would be caught by mistake."""
    assert resumed_by(broken_off, None).faults == []


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_resume_that_forgets_one_thing_is_caught(mutant: str, broken_off: tuple[Reference, Path]):
    assert resumed_by(broken_off, mutant).exact == 0


def test_a_finished_run_is_left_alone(place: None):
    succeed(*SMALL, "--out", "run")
    before = {path: path.read_bytes() for path in Path("run").rglob("*") if path.is_file()}
    again = trial(["resume", "run"])
    assert again.code == 0
    assert "finished already" in again.err
    assert again.events == ()
    assert {p: p.read_bytes() for p in Path("run").rglob("*") if p.is_file()} == before


def test_more_epochs_go_on_from_the_end_and_the_schedule_is_spoken_of(place: None):
    succeed(*SMALL, "--set", "train.schedule=cosine", "--out", "run")
    longer = succeed("resume", "run", "--epochs", "5")
    assert "epochs 3 -> 5; the cosine learning rate is stretched over 5 epochs" in longer.err
    rows = Path("run/metrics.jsonl").read_text().splitlines()
    assert [json.loads(row)["epoch"] for row in rows] == [1, 2, 3, 4, 5]
    assert json.loads(Path("run/plan.json").read_text())["train"]["epochs"]["value"] == 5


def test_a_constant_rate_extended_ends_with_the_bits_of_the_longer_run(place: None):
    constant = (*SMALL, "--set", "train.schedule=constant")
    longer = whole_run([*constant, "--epochs", "5"])
    succeed(*constant, "--out", "run")
    succeed("resume", "run", "--epochs", "5")
    found = bits(Path("run"))
    assert found["state.safetensors"] == longer.bits["state.safetensors"]
    assert found["validation.csv"] == longer.bits["validation.csv"]


def test_a_run_that_stopped_early_is_not_made_longer(place: None):
    succeed(*SMALL, "--set", "train.patience=1", "--lr", "1e-9", "--out", "run")
    finished = clfw("resume", "run", "--epochs", "30")
    assert_refused(finished, 2, "stopped early", "would stop there again")


def broken(whole: Reference) -> None:
    """A run that was killed at its fourth step."""
    killed(whole, whole.places("step")[3])


def test_run_with_resume_is_resume(place: None):
    whole = whole_run(SMALL)
    broken(whole)
    assert trial(["run", "--resume", "run"]).code == 0
    assert bits(Path("run")) == whole.bits


def test_run_with_resume_takes_no_value_of_the_plan(place: None):
    broken(whole_run(SMALL))
    assert_refused(clfw("run", "--resume", "run", "--lr", "0.1"), 2, "--lr has no place")


def test_a_changed_plan_is_named_with_both_values(place: None):
    broken(whole_run(SMALL))
    plan = json.loads(Path("run/plan.json").read_text())
    plan["train"]["weight_decay"]["value"] = 0.5
    Path("run/plan.json").write_text(json.dumps(plan))
    assert_refused(clfw("resume", "run"), 65, "train.weight_decay was 0.0 and is 0.5")


def test_changed_data_is_named(place: None):
    broken(whole_run(SMALL))
    shutil.copy("bars/train/1.png", "bars/train/0.png")
    assert_refused(
        clfw("resume", "run"),
        65,
        "data 'csv_images' has changed since the run was started: its pictures, labels or classes (",
    )


@pytest.mark.parametrize("change", ["new", "gone"])
def test_a_row_that_is_new_or_gone_is_named(change: str, place: None):
    broken(whole_run(SMALL))
    listing = Path("bars/train.csv")
    *lines, last = listing.read_text().splitlines(keepends=True)
    key = last.partition(",")[0]
    added = last.replace(key, "999", 1)
    shutil.copy(f"bars/train/{key}.png", "bars/train/999.png")
    listing.write_text("".join([*lines, last, added] if change == "new" else lines))
    named = "999" if change == "new" else key
    assert_refused(clfw("resume", "run"), 65, f"was started: row '{named}' is {change} (")


def test_another_version_is_named_and_the_run_goes_on(place: None):
    whole = whole_run(SMALL)
    broken(whole)
    environment = json.loads(Path("run/environment.json").read_text())
    environment["packages"]["torch"] = "1.0"
    Path("run/environment.json").write_text(json.dumps(environment))
    again = trial(["resume", "run"])
    assert again.code == 0
    assert "warning: torch was 1.0 and is " in again.err
    assert "not promised" in again.err


def test_another_kind_of_machine_is_named_and_the_run_goes_on(place: None):
    whole = whole_run(SMALL)
    broken(whole)
    environment = json.loads(Path("run/environment.json").read_text())
    environment |= {"processor": "pdp11", "device": "cuda (the first GPU)"}
    Path("run/environment.json").write_text(json.dumps(environment))
    again = trial(["resume", "run"])
    assert again.code == 0
    warnings = [line for line in again.err.splitlines() if line.startswith("warning: ")]
    assert len(warnings) == 2
    assert warnings[0].startswith("warning: the processor was pdp11 and is ")
    assert warnings[1] == (
        "warning: the device was cuda and is cpu: the same bits are not promised"
    )


def test_another_instruction_set_is_named_and_a_run_that_recorded_none_goes_on_quietly(place: None):
    whole = whole_run(SMALL)
    for recorded, told in (("Z80", True), (None, False)):
        broken(whole)
        environment = json.loads(Path("run/environment.json").read_text())
        environment["instructions"] = recorded
        Path("run/environment.json").write_text(
            json.dumps({k: v for k, v in environment.items() if v is not None})
        )
        again = trial(["resume", "run"])
        assert again.code == 0
        assert ("warning: the processor's instruction set was Z80 and is " in again.err) == told
        shutil.rmtree("run")


def test_threads_are_a_part_of_the_plan(place: None):
    succeed(*SMALL, "--threads", "1", "--out", "run")
    assert json.loads(Path("run/plan.json").read_text())["threads"] == 1
    assert json.loads(Path("run/environment.json").read_text())["threads"] == "1"


def test_deterministic_algorithms_are_a_part_of_the_plan_and_of_its_resume(place: None):
    import torch

    whole = whole_run([*SMALL, "--deterministic"])
    broken(whole)
    assert json.loads(Path("run/plan.json").read_text())["deterministic"] is True
    seen = Path("seen").absolute()

    def note() -> None:
        import clfw.runs.end

        finish = clfw.runs.end.finish

        def noting(*arguments: object) -> object:
            seen.write_text(str(torch.are_deterministic_algorithms_enabled()))
            return finish(*arguments)

        clfw.runs.end.finish = noting

    assert go_on(whole, patch=note).code == 0
    assert seen.read_text() == "True"
    assert bits(Path("run")) == whole.bits


def test_a_folder_that_is_no_run_is_refused(place: None):
    assert_refused(clfw("resume", "bars"), 66, "bars: not a run folder: it has no plan.json")
