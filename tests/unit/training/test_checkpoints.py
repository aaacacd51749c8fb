"""Checkpoints: committed whole, found by step alone, and every damaged byte noticed."""

import json
import os
import random
import shutil
from pathlib import Path

import pytest
import torch

from clfw.errors import DataError, Diverged, StorageError
from clfw.training import checkpoints
from clfw.training.checkpoints import Snapshot, commit, latest, listed, read, require_whole, verify

HOME = Path("checkpoints")


def snapshot(step: int, **counters: object) -> Snapshot:
    """A small state that names its step."""
    tensors = {
        "model/weight": torch.full((3, 4), float(step)),
        "record/sizes": torch.tensor([step]),
    }
    return Snapshot(step=step, tensors=tensors, counters={"epoch": step, **counters})


def names() -> list[str]:
    return sorted(path.name for path in HOME.iterdir())


def flip(path: Path, bit: int) -> None:
    """Turn one bit of a file over."""
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


def test_what_is_committed_is_read_again_bit_for_bit():
    values = torch.tensor([0.1, -0.0, 1e-40, 3.4e38])
    commit(HOME, Snapshot(step=7, tensors={"a/b": values}, counters={"lr": 0.1 + 0.2}))
    found = read(HOME / "step-000000007")
    assert found.step == 7
    assert torch.equal(found.tensors["a/b"].view(torch.int32), values.view(torch.int32))
    assert found.counters == {"lr": 0.1 + 0.2}


def test_the_newest_two_are_kept_and_nothing_else():
    for step in (0, 2, 4, 10):
        commit(HOME, snapshot(step))
    assert names() == ["step-000000004", "step-000000010"]


def test_a_checkpoint_holds_no_pickle():
    commit(HOME, snapshot(1))
    files = sorted(path.name for path in (HOME / "step-000000001").iterdir())
    assert files == ["manifest.json", "state.json", "state.safetensors"]


def test_the_latest_is_of_the_highest_step_whatever_the_clock_says():
    for step in (9, 10):
        commit(HOME, snapshot(step))
    os.utime(HOME / "step-000000009", (2**33, 2**33))
    os.utime(HOME / "step-000000010", (0, 0))
    found, faults = latest(HOME)
    assert found is not None
    assert (found.step, faults) == (10, [])


def test_a_copied_folder_under_another_step_is_not_believed():
    commit(HOME, snapshot(5))
    shutil.copytree(HOME / "step-000000005", HOME / "step-000000099")
    found, faults = latest(HOME)
    assert found is not None
    assert found.step == 5
    assert faults == ["step-000000099: the manifest is of another checkpoint"]


def test_an_empty_folder_of_a_later_step_is_put_aside_when_that_step_comes():
    commit(HOME, snapshot(1))
    (HOME / "step-000000002").mkdir()
    found, _ = latest(HOME)
    assert found is not None
    assert found.step == 1
    commit(HOME, snapshot(2))
    assert read(HOME / "step-000000002").step == 2
    assert any(name.startswith("damaged-step-000000002") for name in names())


@pytest.mark.parametrize("name", ["state.safetensors", "state.json", "manifest.json"])
@pytest.mark.parametrize("damage", ["cut", "zeros", "gone", "one bit", "longer"])
def test_a_damaged_file_makes_the_one_before_it_the_latest(name: str, damage: str):
    commit(HOME, snapshot(1))
    commit(HOME, snapshot(2))
    path = HOME / "step-000000002" / name
    data = path.read_bytes()
    if damage == "gone":
        path.unlink()
    elif damage == "one bit":
        flip(path, 8 * (len(data) // 2))
    else:
        other = {"cut": data[:-1], "zeros": bytes(len(data)), "longer": data + b"\0"}
        path.write_bytes(other[damage])
    found, faults = latest(HOME)
    assert found is not None
    assert found.step == 1
    assert len(faults) == 1
    assert faults[0].startswith("step-000000002: ")
    assert path.parent.exists()  # kept as it is, for whoever wants to look


def test_without_an_intact_one_nothing_is_started_anew_by_itself():
    commit(HOME, snapshot(1))
    (HOME / "step-000000001/state.json").unlink()
    with pytest.raises(DataError, match="no checkpoint is intact: step-000000001"):
        latest(HOME)


def test_damaged_ones_do_not_count_among_the_two_that_are_kept():
    for step in (1, 2, 3):
        commit(HOME, snapshot(step))
        if step == 2:
            flip(HOME / "step-000000002/state.json", 3)
    assert names() == ["step-000000001", "step-000000002", "step-000000003"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_value_that_is_not_finite_is_never_saved(value: float):
    commit(HOME, snapshot(1))
    bad = torch.tensor([1.0, value])
    with pytest.raises(Diverged, match=r"step 2: ema layer\.weight is not finite"):
        commit(HOME, Snapshot(step=2, tensors={"ema/layer.weight": bad}, counters={}))
    assert names() == ["step-000000001"]


@pytest.mark.parametrize("mask", [0o022, 0o002, 0o077])
def test_modes_follow_the_umask(mask: int):
    before = os.umask(mask)
    try:
        commit(HOME, snapshot(1))
    finally:
        os.umask(before)
    modes = {path.stat().st_mode & 0o777 for path in (HOME / "step-000000001").iterdir()}
    assert modes == {0o666 & ~mask}


def test_a_save_that_fails_verification_keeps_the_older_ones(monkeypatch: pytest.MonkeyPatch):
    for step in (1, 2):
        commit(HOME, snapshot(step))
    original = checkpoints.storage.write_durably

    def lying(path: Path, data: bytes) -> None:
        original(path, data[:-1] if path.name == "state.safetensors" else data)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints.storage, "write_durably", lying)
        with pytest.raises(DataError, match=r"state\.safetensors"):
            commit(HOME, snapshot(3))
    found, _ = latest(HOME)
    assert found is not None
    assert found.step == 2


def test_a_full_disk_is_named_with_the_size_and_the_way_on(monkeypatch: pytest.MonkeyPatch):
    commit(HOME, snapshot(1))

    def full(descriptor: int, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoints.storage, "write_all", full)
    with pytest.raises(StorageError, match=r"cannot save step 2 \(0.0 MB\): No space") as caught:
        commit(HOME, snapshot(2))
    assert caught.value.hint == "free some space"
    assert names() == ["step-000000001"]


def flips_found(count: int) -> int:
    """Turn random bits of a checkpoint's files over, one at a time; how many are noticed."""
    commit(HOME, snapshot(3, text="x" * 300))
    _, sound = verify(HOME / "step-000000003")
    names = sorted(sound)
    draw = random.Random(0)
    found = 0
    for number in range(count):
        name = names[number % len(names)]
        data = bytearray(sound[name])
        bit = draw.randrange(8 * len(data))
        data[bit // 8] ^= 1 << bit % 8
        try:
            require_whole("step-000000003", {**sound, name: bytes(data)})
        except DataError:
            found += 1
    return found


def test_ten_thousand_flipped_bits_are_all_found():
    assert flips_found(10_000) == 10_000
    assert verify(HOME / "step-000000003")[0] == 3  # and the sound one is taken


def test_a_hostile_manifest_is_refused_in_words():
    commit(HOME, snapshot(1))
    manifest = HOME / "step-000000001/manifest.json"
    good = json.loads(manifest.read_text())
    for bad in (
        [], 1, None, {}, {**good, "format": 2}, {**good, "step": "1"}, {**good, "step": -1},
        {**good, "files": []}, {**good, "files": {"state.json": 1, "state.safetensors": 2}},
    ):  # fmt: skip
        manifest.write_text(json.dumps(bad))
        with pytest.raises(DataError):
            verify(HOME / "step-000000001")
    manifest.write_text("[" * 100_000)
    with pytest.raises(DataError):
        verify(HOME / "step-000000001")


def test_names_that_are_no_steps_are_passed_over():
    commit(HOME, snapshot(1))
    for name in ("step-x", "step-", "step--1", "steps", ".step-000000009.tmp-host-1-ab"):
        (HOME / name).mkdir()
    assert [path.name for path in listed(HOME)] == ["step-000000001"]
