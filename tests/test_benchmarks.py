"""The benchmarks run, and their README shows what was measured and nothing else."""

import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parent.parent / "benchmarks"
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


def test_pairs_are_measured_in_turn_and_the_first_is_not_kept(room) -> None:
    called: list[str] = []

    def measure(name: str) -> float:
        called.append(name)
        return float(len(called))

    kept = room("timing").interleaved(lambda: measure("a"), lambda: measure("b"), 2)
    assert called == ["a", "b"] * 3
    assert kept == ([3.0, 5.0], [4.0, 6.0])


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


def test_a_row_shows_median_and_spread_and_its_notes_once(room) -> None:
    timing = room("timing")
    rows = [comparison(room, notes=["a note"]), comparison(room, notes=["a note", "more"])]
    options = timing.parser("").parse_args(["--json", "result.json"])
    timing.report("loop", rows, options)
    text = timing.markdown(json.loads(Path("result.json").read_text(encoding="utf-8")))
    assert "| a network [1] | a loop | 30 images/s | 10 images/s |" in text
    assert "| **3.00** (1.00 to 9.00) | 3 | at least 2: met |" in text
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
