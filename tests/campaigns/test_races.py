"""Processes that race for one run folder: one writes, the others say who does."""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from clfw.artifacts.run_lock import RunLock
from clfw.errors import OutputError
from killing import SMALL, Reference, killed, no_lock, reference
from matrix import write_data
from trials import Patch, Trial, bits, finish, litter, start, trial, workplace


@pytest.fixture
def place() -> Iterator[None]:
    """A working folder with the small data set."""
    with workplace():
        write_data()
        yield


def together(arguments: list[object], count: int, patch: Patch, name: str) -> list[Trial]:
    """The same command in so many processes, which all wait for one moment."""
    gate = time.monotonic() + 0.05 + 0.02 * count

    def wait() -> None:
        patch()
        while time.monotonic() < gate:
            pass

    return [finish(begun) for begun in [start(arguments, patch=wait) for _ in range(count)]]


def race_for_a_new_folder(whole: Reference, count: int, patch: Patch) -> list[str]:
    """Several runs with one `--out`; what is wrong with the outcome."""
    ended = together([*SMALL, "--out", "run"], count, patch, "run")
    return outcome(whole, ended, "already exists")


def race_to_resume(whole: Reference, count: int, patch: Patch) -> list[str]:
    """Several resumes of one run that was killed."""
    killed(whole, whole.places("step")[2])
    ended = together(["resume", "run"], count, patch, "run")
    return outcome(whole, ended, "in use by pid")


def outcome(whole: Reference, ended: list[Trial], words: str) -> list[str]:
    """Faults of a race: not one writer, wrong words of a loser, other bits than a lone run's."""
    faults = []
    trained = [trial for trial in ended if trial.code == 0 and "finished already" not in trial.err]
    late = [trial for trial in ended if trial.code == 0 and "finished already" in trial.err]
    lost = [trial for trial in ended if trial.code == 73 and words in trial.err]
    if (
        len(trained) > 1
        or len(trained) + len(late) == 0
        or len(trained) + len(late) + len(lost) != len(ended)
    ):
        faults.append(f"{[(t.code, t.err[-150:]) for t in ended]}")
    if not Path("run/summary.json").exists() and trial(["resume", "run"]).code:
        faults.append("nobody could end the run")
    if bits(Path("run")) != whole.bits:
        faults.append("other bits")
    faults += litter(Path())
    shutil.rmtree("run")
    return faults


RACES = {"new folder": race_for_a_new_folder, "resume": race_to_resume}


@pytest.mark.parametrize("lock", ["lock", "no lock"])
@pytest.mark.parametrize("kind", RACES)
def test_one_of_several_processes_writes(kind: str, lock: str, place: None):
    whole = reference(SMALL)
    patch = no_lock if lock == "no lock" else lambda: None
    for count in (2, 4):
        assert RACES[kind](whole, count, patch) == []


@pytest.mark.slow
@pytest.mark.parametrize("lock", ["lock", "no lock"])
@pytest.mark.parametrize("kind", RACES)
def test_in_each_of_25_races_one_process_writes(kind: str, lock: str, place: None):
    whole = reference(SMALL)
    patch = no_lock if lock == "no lock" else lambda: None
    for number in range(25):
        assert RACES[kind](whole, 2 + number % 7, patch) == []


def test_a_folder_in_use_says_by_whom(place: None):
    whole = reference(SMALL)
    killed(whole, whole.places("step")[2])
    claim = RunLock(Path("run"))
    try:
        refused = trial(["resume", "run"])
    finally:
        claim.release()
    assert refused.code == 73
    words = json.loads(max(Path("run/claims").iterdir()).read_text())
    assert refused.errors == [
        f"error: run: is in use by pid {words['pid']} on {words['host']} since {words['since']}"
    ]
    assert trial(["resume", "run"]).code == 0


def test_who_is_overtaken_leaves_off_before_it_writes_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("clfw.artifacts.run_lock.FileLock", type("N", (), {
        "__init__": lambda *a, **k: None, "acquire": lambda s: None, "release": lambda s: None,
    }))  # fmt: skip
    Path("run").mkdir()
    first = RunLock(Path("run"))
    first.check()
    second = RunLock(Path("run"))
    second.check()
    with pytest.raises(OutputError, match="is in use by pid"):
        first.check()


def test_a_lock_left_by_a_killed_process_holds_nobody_up(place: None):
    whole = reference(SMALL)
    killed(whole, whole.places("step")[2])
    assert Path("run/.lock").exists()
    assert trial(["resume", "run"]).code == 0


def decoded_by(threads: int) -> None:
    """As many threads that decode, a picture at a time."""
    from clfw.data import parallel_decode

    os.cpu_count = lambda: threads
    parallel_decode.CHUNK, parallel_decode.QUICK = 1, 0.0


def test_one_seed_gives_one_hash_five_times_and_with_other_decoding_threads(place: None):
    hashes = set()
    for threads in (1, 1, 1, 1, 1, 2, 5):
        shutil.rmtree("../cache/pixels", ignore_errors=True)  # so that they are decoded anew
        assert trial([*SMALL, "--out", "run"], patch=partial(decoded_by, threads)).code == 0
        hashes.add(hashlib.sha256(Path("run/model.safetensors").read_bytes()).hexdigest())
        shutil.rmtree("run")
    assert len(hashes) == 1
