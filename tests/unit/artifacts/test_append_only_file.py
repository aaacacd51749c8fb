"""What a run wrote before it was broken off is what its resume goes on from, or is named."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clfw.artifacts.append_only_file import AppendOnlyFile
from killing import SMALL, Reference, go_on, killed, reference
from matrix import write_data
from trials import bits, trial, workplace

STEPS, METRICS, SPLIT = Path("run/steps.csv"), Path("run/metrics.jsonl"), Path("run/split.csv")


@pytest.fixture
def whole() -> Iterator[Reference]:
    """A small run that was killed after its fifth update; the whole one is given."""
    with workplace():
        write_data()
        whole = reference(SMALL)
        killed(whole, whole.places("step")[5])
        yield whole


def exchange(path: Path, old: bytes, new: bytes) -> None:
    """Put `new` in the place of the last `old`."""
    before, found, after = path.read_bytes().rpartition(old)
    assert found
    path.write_bytes(before + new + after)


def everything(folder: Path) -> dict[Path, bytes]:
    """Every file of a run but the record of who held it."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path: path.read_bytes() for path in files if "claims" not in path.parts}


def refused(words: str) -> str:
    """Resume in vain, which changes nothing; the hint."""
    before = everything(Path("run"))
    ended = trial(["resume", "run"])
    (line,) = ended.errors
    assert re.match(f"error: {words}$", line), line
    assert ended.code == 65
    assert everything(Path("run")) == before
    return ended.err.splitlines()[-1]


def last_digit(path: Path) -> None:
    """Change a digit, and not the length."""
    data = bytearray(path.read_bytes())
    at = max(index for index, byte in enumerate(data) if chr(byte).isdigit())
    data[at] = ord("1") if data[at] != ord("1") else ord("2")
    path.write_bytes(data)


def shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


DAMAGE: dict[str, tuple[Callable[[Path], None], str]] = {
    "a digit": (last_digit, r"has changed since the checkpoint: its first \d+ bytes differ"),
    "shorter": (shorten, r"is shorter than at the checkpoint: \d+ bytes, \d+ then"),
}


@pytest.mark.parametrize("path", [STEPS, METRICS], ids=str)
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_changed_file_of_rows_is_named_with_a_way_on_that_works(
    damage: str, path: Path, whole: Reference
):
    act, words = DAMAGE[damage]
    act(path)
    hint = refused(f"{path}: {words}")
    last = "run/checkpoints/step-000000004"
    assert hint == f"hint: move {last} away, then go on from step 2: clfw resume run"
    shutil.move(last, "kept")
    assert go_on(whole).code == 0
    assert bits(Path("run")) == whole.bits


def test_rows_that_fit_no_checkpoint_are_lost_and_the_plan_is_pointed_at(whole: Reference):
    METRICS.write_bytes(b"")
    hint = refused(r"run/metrics.jsonl: is shorter than at the checkpoint: 0 bytes, \d+ then")
    assert hint == "hint: start a new run; run/plan.json has every value of this one"


def test_rows_without_any_checkpoint_are_not_thrown_away(whole: Reference):
    shutil.rmtree("run/checkpoints")
    refused("run/checkpoints: there is no checkpoint, and metrics.jsonl has rows")


def test_a_changed_split_is_named_by_line_and_a_deleted_one_is_written_again(whole: Reference):
    number = len(SPLIT.read_bytes().splitlines())
    exchange(SPLIT, b"test", b"train")
    hint = refused(rf"run/split.csv: line {number}: is '\d+,train', but the data gives '\d+,test'")
    assert "or delete it: clfw resume run writes it again" in hint
    SPLIT.unlink()
    assert go_on(whole).code == 0
    assert bits(Path("run")) == whole.bits


def test_a_split_that_lost_a_line_is_named(whole: Reference):
    SPLIT.write_bytes(b"".join(SPLIT.read_bytes().splitlines(keepends=True)[:-1]))
    refused(r"run/split.csv: line \d+: is '', but the data gives '\d+,test'")


def test_a_checkpoint_that_knows_no_hash_goes_by_the_length_alone(tmp_path: Path):
    file = AppendOnlyFile(tmp_path / "rows")
    file.path.write_bytes(b"one\n")
    file.absorb()
    assert file.fault(4, file.digest) == ""
    file.path.write_bytes(b"two\nmore")
    assert file.fault(4, "") == ""
    assert "its first 4 bytes differ" in file.fault(4, file.digest)
