"""The benchmarks run, and their README shows what was measured and nothing else."""

import argparse
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

from places import TOP

FOLDER = TOP / "benchmarks"
SCRIPTS = sorted(
    path.stem for path in FOLDER.glob("*.py") if "from timing import Comparison" in path.read_text()
)


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch):
    """Imports a module of the benchmarks, which is forgotten after the test."""
    monkeypatch.syspath_prepend(FOLDER)
    before = set(sys.modules)

    def load(name: str) -> ModuleType:
        return importlib.import_module(name)

    yield load
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(FOLDER)):
            del sys.modules[name]


def comparison(room, **changed):
    values = {
        "work": "a network",
        "against": "a loop",
        "unit": "images/s",
        "form": "ours / theirs",
        "goal": "at least",
        "target": 2.0,
        "ours": [30.0, 20.0, 90.0],
        "theirs": [10.0, 20.0, 10.0],
    }
    return room("timing").Comparison(**(values | changed))


def test_the_readme_holds_the_tables_that_its_results_make(room) -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert room("tables").filled(readme) == readme


def test_every_benchmark_has_its_table_and_its_line_in_the_readme(room) -> None:
    assert sorted(room("tables").TITLES) == SCRIPTS
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert [name for name in SCRIPTS if f"`{name}.py" not in readme] == []


def test_pairs_are_measured_there_and_back_and_the_first_is_not_kept(room) -> None:
    called: list[str] = []

    def measure(name: str) -> float:
        called.append(name)
        return float(len(called))

    sides = [lambda: measure("a"), lambda: measure("b"), lambda: measure("c")]
    kept = room("timing").interleaved(*sides, pairs=2)
    assert called == ["a", "b", "c", "c", "b", "a", "a", "b", "c"]
    assert kept == [[6.0, 7.0], [5.0, 8.0], [4.0, 9.0]]


@pytest.mark.parametrize(
    ("form", "figures"),
    [
        ("ours / theirs", [3, 1, 9]),
        ("theirs / ours", [1 / 3, 1, 1 / 9]),
        ("ours - theirs", [20, 0, 80]),
        ("ours", [30, 20, 90]),
    ],
)
def test_each_pair_gives_one_figure(room, form: str, figures: list[float]) -> None:
    assert comparison(room, form=form).figures == pytest.approx(figures)


def test_the_median_of_the_pairs_is_held_to_the_goal(room) -> None:
    assert comparison(room, target=3.0).verdict == "at least 3: met"
    assert comparison(room, target=3.1).verdict == "at least 3.1: **not met**"
    assert comparison(room, goal="at most", target=3.0).verdict == "at most 3: met"
    assert comparison(room, goal="at most", target=2.9).verdict == "at most 2.9: **not met**"


def test_a_bundled_sample_is_held_to_no_goal(room) -> None:
    assert comparison(room, source="sample").verdict == "none: bundled sample"


def test_a_quick_trial_is_held_to_no_goal(room, capsys: pytest.CaptureFixture[str]) -> None:
    timing = room("timing")
    timing.report("loop", [comparison(room)], timing.parser("").parse_args(["--quick"]))
    assert "| none |" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("ours", "theirs", "cell"),
    [
        ([0.966, 1.01, 0.9], [1.0, 1.0, 1.0], "**0.966** (0.900 to 1.010), tie"),
        ([0.966, 0.99, 0.9], [1.0, 1.0, 1.0], "**0.966** (0.900 to 0.990)"),
        ([1.3, 1.4, 0.9], [1.0, 1.0, 1.0], "**1.300** (0.900 to 1.400)"),
        ([2.5, 30.0, 0.9], [1.0, 1.0, 1.0], "**2.50** (0.900 to 30)"),
    ],
)
def test_a_ratio_near_one_whose_pairs_disagree_is_a_tie(room, ours, theirs, cell: str) -> None:
    assert f"| {cell} |" in room("timing").row(comparison(room, ours=ours, theirs=theirs), "")


def test_a_difference_is_never_a_tie(room) -> None:
    row = room("timing").row(comparison(room, form="ours - theirs", ours=[9.0], theirs=[8.0]), "")
    assert "| **1 images/s** (1 images/s to 1 images/s) |" in row


def test_a_result_says_what_was_measured_and_when(room, monkeypatch: pytest.MonkeyPatch) -> None:
    timing = room("timing")
    began = {"commit": "abc1234-dirty", "date": "2026-01-02", "load": 0.25}
    monkeypatch.setattr(timing, "beginning", lambda: began)
    timing.report("loop", [comparison(room)], timing.parser("").parse_args(["--json", "a.json"]))
    result = json.loads(Path("a.json").read_text(encoding="utf-8"))
    text = timing.markdown(result)
    assert "`loop.py --pairs 5` at abc1234-dirty, 2026-01-02, on " in text
    assert ", load 0.25 at the start; " in text
    assert "`loop.py --pairs 5`, 2026" in timing.markdown(
        result | {"began": began | {"commit": ""}}
    )


def test_a_commit_is_quietly_absent_without_git(room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert room("timing").commit() == ""


def test_benchmarks_have_a_cache_and_settings_of_their_own_and_put_them_back(
    room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLFW_CONFIG_DIR", "mine")
    monkeypatch.delenv("CLFW_CACHE_DIR", raising=False)
    with room("environment").own_cache() as cache:
        assert os.environ["CLFW_CACHE_DIR"] == str(cache)
        assert os.environ["CLFW_CONFIG_DIR"] != "mine"
    assert os.environ["CLFW_CONFIG_DIR"] == "mine"
    assert "CLFW_CACHE_DIR" not in os.environ


def test_processes_of_a_benchmark_keep_what_they_compile(
    room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    with room("environment").kept_bytecode():
        told = subprocess.run(
            [
                sys.executable,
                "-c",
                "import sys; print(sys.dont_write_bytecode, sys.pycache_prefix)",
            ],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        assert told == ["False", os.environ["PYTHONPYCACHEPREFIX"]]
    assert os.environ["PYTHONDONTWRITEBYTECODE"] == "1"


def test_a_peer_has_a_goal_only_where_both_reached_the_accuracy(room) -> None:
    peers = room("peers")
    options = argparse.Namespace(pictures=64)
    result = {"pairs": [[1.0, 3.0]], "accuracy": 0.9, "data": "64", "source": "full"}
    assert peers.compare("tutorial", 64, result, 0.9, True, options).goal == "at least"
    assert peers.compare("tutorial", 64, result, 0.9, False, options).goal == ""
    missed = peers.compare("tutorial", 64, result, 0.95, True, options)
    assert (missed.goal, missed.against) == ("", "tutorial style (**misses the accuracy**)")


def test_a_failed_training_of_the_two_that_all_are_held_to_says_why(
    room, monkeypatch: pytest.MonkeyPatch
) -> None:
    peers = room("peers")
    monkeypatch.setattr(peers, "in_its_own_process", lambda *given: {"error": "no room"})
    with pytest.raises(SystemExit, match=r"^bare, batch 64: failed: no room$"):
        peers.required("bare", 64, argparse.Namespace())


def test_the_bare_loop_normalises_as_clfw_does(room) -> None:
    gpu, bare = room("gpu"), room("bare")
    data = gpu.drawn(64, channels=3, side=8)
    seen = []

    class Looks(torch.nn.Linear):
        def forward(self, images):
            seen.append(images.detach().clone())
            return super().forward(images.flatten(1))

    bare.BareLoop(data, bare.adam_recipe(64)).epoch(Looks(3 * 8 * 8, 10), torch.channels_last)
    values = [images.movedim(1, 0).flatten(1).sort(1).values for images in seen]
    exact = bare.normalized(data).movedim(1, 0).flatten(1).sort(1).values
    torch.testing.assert_close(values, [exact])


def test_a_row_shows_median_and_spread_and_its_notes_once(room) -> None:
    timing = room("timing")
    rows = [comparison(room, notes=["a note"]), comparison(room, notes=["a note", "more"])]
    options = timing.parser("").parse_args(["--json", "result.json"])
    timing.report("loop", rows, options)
    text = timing.markdown(json.loads(Path("result.json").read_text(encoding="utf-8")))
    assert "| a network [1] | a loop | 30 images/s | 10 images/s |" in text
    assert "| **3.00** (1.000 to 9.00) | 3 | at least 2: met |" in text
    assert "| a network [1] [2] |" in text
    assert text.count("a note") == 1
    assert "loop.py --pairs 5" in text


def test_both_loops_train_the_same_network_and_are_compared(room) -> None:
    data = room("gpu").drawn(256, channels=1, side=28)
    found = room("loop").compare("fashion_cnn", "noise", data, 128, 0.95, pairs=1, top=1e9)
    assert found.ours[0] > 0
    assert found.theirs[0] > 0
    assert found.notes[0].startswith("256 pictures of noise an epoch; the bare loop is fastest ")
    assert found.notes[1].startswith("fashion_cnn: 0.294 MFLOP a picture")


@pytest.mark.slow
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_benchmark_runs(name: str) -> None:
    done = subprocess.run(
        [sys.executable, FOLDER / f"{name}.py", "--quick", "--json", "result.json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    if name != "gpu" or "finds no GPU" not in done.stdout:
        assert json.loads(Path("result.json").read_text(encoding="utf-8"))["comparisons"]
