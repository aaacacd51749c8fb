"""Every way a run can end: its exit code, and one line that says what is wrong."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from clfw import errors
from clfw.training.checkpointing import Stopped
from commandline import assert_refused, clfw
from killing import SMALL, go_on, killed, reference
from matrix import write_data
from trials import Trial, bits, trial, workplace

CODES = {
    "UsageError": 2, "DataError": 65, "InputMissing": 66, "PluginError": 69, "OutputError": 73,
    "StorageError": 74, "ResourceError": 75, "Diverged": 79,
}  # fmt: skip


@pytest.fixture
def place() -> Iterator[None]:
    """A working folder with the small data set."""
    with workplace():
        write_data()
        yield


@pytest.mark.parametrize("name", CODES)
def test_each_kind_of_error_has_its_exit_code(name: str):
    assert getattr(errors, name).exit_code == CODES[name]


def test_a_stop_by_signal_has_the_shells_exit_code():
    assert [Stopped("x", hint="y", signal_number=n).exit_code for n in (2, 15)] == [130, 143]


def raising(error: BaseException) -> Callable[[], None]:
    """A run whose fourth update raises."""

    def patch() -> None:
        from clfw.training.train_state import TrainState

        original = TrainState.finish_update

        def update(state: Any) -> None:
            if state.step == 3:
                raise error
            original(state)

        TrainState.finish_update = update

    return patch


def run(patch: Callable[[], None], *more: str) -> Trial:
    return trial([*SMALL, *more, "--out", "run"], patch=patch)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (MemoryError(), "no memory"),
        (
            RuntimeError(
                "[enforce fail] DefaultCPUAllocator: not enough memory: you tried 9 bytes"
            ),
            "[enforce fail] DefaultCPUAllocator: not enough memory: you tried 9 bytes",
        ),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "can't allocate memory"),
    ],
)
def test_no_memory_names_the_batch_and_changes_nothing_by_itself(
    error: Exception, reason: str, place: None
):
    whole = reference(SMALL)
    ended = run(raising(error))
    assert ended.code == 75
    assert ended.errors[0].startswith("error: run: out of memory with batches of 8 pictures (")
    assert reason in ended.errors[0]
    assert ended.err.splitlines()[-1] == (
        "hint: free memory and clfw resume run, or try again with --batch-size 4"
    )
    assert go_on(whole).code == 0
    assert bits(Path("run")) == whole.bits


def test_no_memory_for_a_whole_split_says_so(place: None):
    ended = run(raising(MemoryError()), "--batch-size", "full", "--epochs", "5")
    assert ended.code == 75
    assert "a --batch-size other than 'full'" in ended.err


def test_another_error_of_the_library_is_not_taken_for_want_of_memory(place: None):
    ended = run(raising(RuntimeError("mat1 and mat2 shapes cannot be multiplied")))
    assert (ended.code, len(ended.errors)) == (70, 1)


def test_a_reader_that_has_gone_away_stops_no_training(place: None):
    """As with `clfw run ... 2>&1 | head -1`: the talk has nowhere to go."""
    whole = reference(SMALL)

    def close() -> None:
        reader, writer = os.pipe()
        os.close(reader)
        os.dup2(writer, 2)

    ended = run(close)
    assert ended.code == 0
    assert bits(Path("run")) == whole.bits


def test_a_closed_stdout_ends_quietly(place: None):
    done = subprocess.run(
        [sys.executable, "-c", "from clfw.cli import main; main()", "list"],
        capture_output=True, text=True, preexec_fn=close_stdout,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def close_stdout() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    os.dup2(writer, 1)


def spoil(name: str, content: bytes) -> None:
    (Path("run") / name).write_bytes(content)


def last_checkpoint(name: str) -> Path:
    return max(Path("run/checkpoints").glob("step-*")) / name


def damage_all() -> None:
    for path in Path("run/checkpoints").glob("step-*/state.json"):
        path.write_bytes(b"{}")


def later_plan() -> None:
    plan = json.loads(Path("run/plan.json").read_text())
    plan["clfw"] = "99"
    plan["train"]["future"] = {"value": 1, "origin": "default"}
    Path("run/plan.json").write_text(json.dumps(plan))


def later_checkpoints() -> None:
    for path in Path("run/checkpoints").glob("step-*/manifest.json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 99}))


GOLDEN: dict[str, tuple[Callable[[], object], int, str]] = {
    "no plan": (lambda: Path("run/plan.json").unlink(), 66,
                "run: not a run folder: it has no plan.json"),
    "plan no JSON": (lambda: spoil("plan.json", b"\x80\x04pickle"), 65, "run/plan.json: damaged: "),
    "plan of a later version": (later_plan, 65,
                                "run: plan.json: train.future: no such parameter (written by clfw 99"),
    "checkpoints of a later version": (later_checkpoints, 65,
                                       "run/checkpoints: no checkpoint is intact: step-000000004: "
                                       "format 99; this clfw reads 1; step-000000002: format 99;"),
    "plan a list": (lambda: spoil("plan.json", b"[]"), 65, "run: damaged: TypeError"),
    "data no JSON": (lambda: spoil("data.json", b""), 65, "run/data.json: damaged: "),
    "every checkpoint damaged": (damage_all, 65, "run/checkpoints: no checkpoint is intact: step-"),
    "metrics cut": (lambda: spoil("metrics.jsonl", b""), 65,
                    "run/metrics.jsonl: is shorter than at the checkpoint"),
    "updates changed": (lambda: spoil("steps.csv", b"x" * 999), 65,
                        "run/steps.csv: has changed since the checkpoint: its first "),
    "data gone": (lambda: shutil.rmtree("bars"), 66, "data 'csv_images': 'bars' is gone, and "),
}  # fmt: skip


@pytest.mark.parametrize("case", GOLDEN)
def test_a_run_folder_that_cannot_be_gone_on_with_says_why(case: str, place: None):
    whole = reference(SMALL)
    killed(whole, whole.places("step")[4])
    act, code, words = GOLDEN[case]
    act()
    ended = trial(["resume", "run"])
    (line,) = ended.errors
    assert line.startswith(f"error: {words}")
    assert len(line) <= 300
    assert ended.code == code
    assert ended.err.splitlines()[-1].startswith("hint: ")


def test_data_that_is_gone_may_be_in_a_named_folder(place: None):
    whole = reference(SMALL)
    killed(whole, whole.places("step")[4])
    Path("elsewhere").mkdir()
    Path("bars").rename("elsewhere/bars")
    ended = trial(["resume", "run"])
    assert ended.code == 66
    assert ended.err.splitlines()[-1] == (
        "hint: restore it, or name the folder that contains it with --data-dir or CLFW_DATA_DIR"
    )
    wrong = trial(["resume", "run", "--data-dir", "nowhere"])
    assert (wrong.code, wrong.errors) == (66, ["error: --data-dir: no folder 'nowhere'"])
    assert trial(["resume", "run", "--data-dir", "elsewhere"]).code == 0
    assert bits(Path("run")) == whole.bits


@pytest.mark.parametrize("gone", ["", "metrics.jsonl", "steps.csv"])
def test_curves_of_what_is_not_there_are_an_input_missing(gone: str, tmp_path: Path):
    run = tmp_path / "run"
    for name in ("metrics.jsonl", "steps.csv") if gone else ():
        run.mkdir(exist_ok=True)
        (run / name).touch()
    if gone:
        (run / gone).unlink()
    finished = clfw("draw", "curves", run)
    assert_refused(finished, 66, f"error: {run / gone}: is not there", "hint: name the folder")


def test_a_damaged_checkpoint_is_warned_of_and_an_earlier_one_is_used(place: None):
    whole = reference(SMALL)
    killed(whole, whole.places("step")[4])
    damaged = last_checkpoint("state.safetensors")
    data = bytearray(damaged.read_bytes())
    data[-1] ^= 1
    damaged.write_bytes(data)
    ended = trial(["resume", "run"])
    name = damaged.parent.name
    assert (
        f"warning: {name}: damaged: state.safetensors: sha256 differs; "
        "it is left as it is, and an earlier one is used"
    ) in ended.err
    assert "resumed from step 2 of 6" in ended.err
    assert ended.code == 0
    assert any(path.name.startswith("damaged-") for path in Path("run/checkpoints").iterdir())
    assert bits(Path("run")) == whole.bits


def test_a_read_only_place_is_refused_before_the_first_step(place: None):
    def deny() -> None:
        from clfw.artifacts import run_folder

        run_folder.os.access = lambda *_: False

    ended = trial([*SMALL, "--out", "new/run"], patch=partial(deny))
    assert ended.code == 73
    assert "is not a writable folder" in ended.errors[0]
    assert "step" not in ended.events
