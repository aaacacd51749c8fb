"""Disks that refuse: one line, the last good checkpoint intact, and a resume to the same bits."""

import errno
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from clfw.io import storage
from commandline import assert_refused, clfw, succeed
from failing import ERRORS, calls, fail_at
from killing import SMALL, Reference, go_on, killed, no_lock, reference
from matrix import write_data
from trials import IO_KINDS, Fail, Trial, bits, trial, workplace


@pytest.fixture
def place() -> Iterator[None]:
    """A working folder with the small data set."""
    with workplace():
        write_data()
        yield


@pytest.mark.parametrize("error", ERRORS, ids=errno.errorcode.get)
def test_io_calls_that_fail_leave_a_run_that_goes_on_exactly(error: int, place: None):
    whole = reference(SMALL)
    count, offset = calls(whole), ERRORS.index(error)
    once = fail_at(whole, range(offset, count, 15), error, lasting=False)
    ever = fail_at(whole, range(offset + 7, count, 30), error, lasting=True)
    for tally in (once, ever):
        assert tally.faults == []
        assert tally.planned == tally.landed == tally.exact > 0


@pytest.mark.slow
@pytest.mark.parametrize("lasting", [False, True])
@pytest.mark.parametrize("error", ERRORS, ids=errno.errorcode.get)
def test_every_single_io_call_may_fail(error: int, lasting: bool, place: None):
    whole = reference(SMALL)
    tally = fail_at(whole, range(calls(whole)), error, lasting=lasting)
    assert tally.faults == []
    assert tally.planned == tally.landed == tally.exact == calls(whole)
    assert tally.kinds.keys() == set(IO_KINDS.values()) - {"cut"}


def test_a_disk_that_fills_names_the_step_its_size_and_the_way_on(place: None):
    whole = reference(SMALL)
    places = [number for number, kind in enumerate(whole.events) if kind in IO_KINDS.values()]
    after = whole.places("step")[2]
    saved = next(n for n, at in enumerate(places) if at > after and whole.events[at] == "create")
    full = partial(Fail, at=saved, error=errno.ENOSPC, lasting=False)
    ended = trial([*SMALL, "--out", "run"], full)
    assert ended.code == 74
    (line,) = ended.errors
    assert re.fullmatch(
        r"error: run/checkpoints: cannot save step 4 \(0\.\d MB\): No space left on device", line
    )
    assert ended.err.splitlines()[-1] == "hint: free some space, then: clfw resume run"


def test_too_little_room_is_refused_before_the_first_step(
    place: None, monkeypatch: pytest.MonkeyPatch
):
    reference(SMALL)  # so that the pictures are decoded
    usage = shutil.disk_usage(".")
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=2_000))
        finished = clfw(*SMALL, "--out", "run")
    assert_refused(finished, 74, "the checkpoints need up to 0.3 MB, and 0.0 MB are free")
    assert list(Path().glob(".*")) == []
    assert not Path("run").exists()


def test_a_folder_that_vanishes_ends_the_run_in_one_line(place: None):
    whole = reference(SMALL)
    ended = trial(
        [*SMALL, "--out", "run"], patch=partial(at_step, 3, partial(shutil.rmtree, "run"))
    )
    assert (ended.code, ended.errors) == (73, ["error: run: is gone: No such file or directory"])
    assert go_on(whole).code == 0


def test_a_folder_that_is_renamed_ends_the_run_and_goes_on_under_its_new_name(place: None):
    whole = reference(SMALL)
    ended = trial([*SMALL, "--out", "run"], patch=partial(at_step, 3, rename))
    assert ended.code == 73
    Path("other").rename("run")
    assert go_on(whole).code == 0
    assert bits(Path("run")) == whole.bits


def rename() -> None:
    Path("run").rename("other")


def at_step(number: int, act: object) -> None:
    """Do something right before an update."""
    from clfw.training.train_state import TrainState

    original = TrainState.finish_update

    def update(state: TrainState) -> None:
        if state.step == number:
            act()
        original(state)

    TrainState.finish_update = update


def test_what_a_dead_process_left_beside_the_runs_is_swept_by_the_next_run(place: None):
    dead = subprocess.Popen(["true"])
    dead.wait()
    gone = Path(f".run.tmp-{storage.host_name()}-{dead.pid}-00ff00ff")
    living = Path(f".run.tmp-{storage.host_name()}-{os.getppid()}-00ff00ff")
    foreign = Path(".run.tmp-elsewhere-1-00ff00ff")
    for path in (gone, living, foreign):
        path.mkdir()
    succeed(*SMALL, "--out", "run")
    assert [path.exists() for path in (gone, living, foreign)] == [False, True, True]


def test_half_made_files_in_a_run_are_swept_by_its_resume(place: None):
    whole = reference(SMALL)
    killed(whole, whole.places("step")[3])
    left = [
        Path("run/.plan.json.tmp-x-1-00"), Path("run/checkpoints/.step-000000009.tmp-x-1-00/a"),
        Path("run/weights/.epoch.tmp-x-1-00"),
    ]  # fmt: skip
    for path in left:
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text("half")
    assert go_on(whole).code == 0
    assert not any(path.exists() for path in left)
    shutil.rmtree("run/weights")
    assert bits(Path("run")) == whole.bits


@pytest.mark.parametrize("where", ["bars/train.csv/run", "x" * 300, "a/" * 2100 + "run"])
def test_a_place_that_cannot_be_is_refused_before_anything_is_read(where: str, place: None):
    assert_refused(clfw(*SMALL, "--out", where), 73)


def test_a_run_folder_may_be_reached_by_a_link(place: None):
    whole = reference(SMALL)
    killed(whole, whole.places("step")[3])
    Path("run").rename("real")
    Path("run").symlink_to("real")
    assert go_on(whole).code == 0
    assert bits(Path("real")) == whole.bits


@pytest.fixture
def small_disk(place: None) -> Iterator[Path]:
    """A real disk of 256 kB, where this process may mount one."""
    disk = Path("disk").absolute()
    disk.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)], capture_output=True
    )
    if made.returncode:
        pytest.skip("needs the right to mount")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def filled(disk: Path, free: int) -> None:
    """Leave so many bytes of the disk."""
    room = shutil.disk_usage(disk).free
    (disk / "ballast").write_bytes(b"x" * (room - free))


def move(whole: Reference, source: Path) -> Trial:
    """Copy a run to the large disk and go on there."""
    shutil.copytree(source, "run")
    return go_on(whole)


@pytest.mark.slow
def test_a_disk_that_is_really_full_leaves_the_last_good_checkpoint(small_disk: Path):
    whole = reference(SMALL)
    out = small_disk / "run"
    ended = trial(
        [*SMALL, "--out", out],
        patch=lambda: (no_check(), at_step(3, lambda: filled(small_disk, 8_000))),
    )
    assert ended.code == 74
    assert "No space left on device" in ended.errors[0]
    assert [path.name for path in (out / "checkpoints").glob("step-*")]
    assert move(whole, out).code == 0
    assert bits(Path("run")) == whole.bits


@pytest.mark.slow
def test_a_disk_that_is_really_too_small_is_refused(small_disk: Path):
    filled(small_disk, 90_000)
    ended = trial([*SMALL, "--out", small_disk / "run"])
    assert ended.code == 74
    assert "need up to 0.3 MB, and 0.1 MB are free" in ended.errors[0]
    assert [path.name for path in small_disk.iterdir()] == ["ballast"]


@pytest.mark.slow
def test_a_disk_that_really_becomes_read_only_ends_the_run_in_one_line(small_disk: Path):
    whole = reference(SMALL)
    out = small_disk / "run"
    remount = ["mount", "-o", "remount,ro", str(small_disk)]
    ended = trial(
        [*SMALL, "--out", out],
        patch=lambda: (
            no_check(),
            no_lock(),  # a disk with a file open for writing cannot be made read-only
            at_step(3, lambda: subprocess.run(remount, check=True)),
        ),
    )
    assert ended.code == 74
    assert "Read-only file system" in ended.errors[0]
    again = trial(["resume", out])
    assert (again.code, len(again.errors)) == (73, 1)
    assert move(whole, out).code == 0
    assert bits(Path("run")) == whole.bits


def no_check() -> None:
    """Leave the check of the free space out, as the disk fills later."""
    storage.require_free_space = lambda *_, **__: None
