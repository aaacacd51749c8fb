"""A run folder that somebody else made: nothing outside of it is ever written."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from commandline import clfw, succeed
from tiny_sets import write_bars

RUN = (
    "run", "--model", "fashion_mlp", "--data", "csv_images", "--set", "data.path=bars",
    "--set", "data.validation=0.3", "--out", "run",
)  # fmt: skip


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of one epoch that a resume can lengthen."""
    monkeypatch.setattr("clfw.runs.end.draw_pictures", lambda *_: None)
    write_bars(Path("bars"))
    succeed(*RUN, "--epochs", "1")
    return Path("run")


def linked(path: Path) -> None:
    """Put a link in the place of a file or folder, to a copy of it elsewhere."""
    elsewhere = Path("elsewhere").absolute()
    os.rename(path, elsewhere)
    path.symlink_to(elsewhere)


def dangling(path: Path) -> None:
    path.symlink_to("/nowhere/at/all")


PLANTED: dict[str, tuple[str, Callable[[Path], None]]] = {
    "metrics": ("metrics.jsonl", linked),
    "steps": ("steps.csv", linked),
    "checkpoints": ("checkpoints", linked),
    "claims": ("claims", linked),
    "lock": (".lock", linked),
    "summary": ("summary.json", linked),
    "one more": ("weights", dangling),
}


@pytest.mark.parametrize("kind", PLANTED)
def test_a_run_that_holds_a_link_is_refused_by_name_and_nothing_changes(
    stopped: Path, kind: str
) -> None:
    name, plant = PLANTED[kind]
    plant(stopped / name)
    before = {p: p.read_bytes() for p in Path().rglob("*") if p.is_file()}
    refused = clfw("resume", stopped, "--epochs", "2")
    assert refused.code == 65
    assert f"run: '{name}' is a link" in refused.err
    assert {p: p.read_bytes() for p in Path().rglob("*") if p.is_file()} == before


def test_a_deep_link_is_found_too(stopped: Path) -> None:
    inside = next(path for path in (stopped / "checkpoints").iterdir() if path.is_dir())
    dangling(inside / "extra")
    assert "is a link" in clfw("resume", stopped, "--epochs", "2").err


@pytest.mark.parametrize("name", ["metrics.jsonl", "steps.csv", ".lock"])
def test_a_hard_linked_snapshot_stays_as_it_was(stopped: Path, name: str) -> None:
    os.link(stopped / name, "snapshot")
    before = Path("snapshot").read_bytes()
    succeed("resume", stopped, "--epochs", "2")
    assert Path("snapshot").read_bytes() == before
