"""Sets larger than memory: streamed in the same order to the same weights, and never held whole."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from clfw.config.memory import (
    CGROUP_V1,
    CGROUP_V2,
    available,
    group_memory,
    memory_budget,
    parse_size,
    system_memory,
)
from clfw.data.pixel_map import PixelMap
from clfw.errors import StorageError, UsageError
from clfw.models.batches import Batch, SplitBatches
from clfw.models.device import TorchDevice, why_streamed
from commandline import assert_refused, clfw

CPU = TorchDevice("cpu")
SHAPE = (23, 5, 4, 3)


@pytest.mark.parametrize(
    ("text", "size"),
    [("2GB", 2 * 10**9), ("512MiB", 512 << 20), (" 800000 ", 800_000), ("1.5k", 1500), ("3b", 3)],
)
def test_a_size_is_read_with_its_unit(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "GB", "-1GB", "2 parsecs", "1e9", "nan", "i", "3ib", "0", "0.1"]
)
def test_no_size_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--memory-budget: "):
        parse_size(text)


def test_a_size_that_is_none_is_told_before_anything_is_read() -> None:
    finished = clfw("run", "--model", "fashion_cnn", "--data", "mnist", "--memory-budget", "much")
    assert_refused(finished, 2, "--memory-budget: 'much' is not a size", "2GB")


def test_without_a_number_half_of_the_free_memory_is_the_budget() -> None:
    budget = memory_budget(None)
    assert 0 < budget.size <= system_memory()
    assert budget.reason == "50% of the free memory"
    assert memory_budget(7).size == 7


def test_a_control_group_bounds_what_is_free(tmp_path: Path) -> None:
    assert group_memory(tmp_path, *CGROUP_V2) == []
    (tmp_path / "memory.current").write_text("700\n")
    (tmp_path / "memory.stat").write_text("anon 400\nfile 300\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert group_memory(tmp_path, *CGROUP_V2) == []
    (tmp_path / "memory.max").write_text("1000\n")
    assert group_memory(tmp_path, *CGROUP_V2) == [600]
    (tmp_path / "memory").mkdir()
    for name, text in (("limit_in_bytes", "900"), ("usage_in_bytes", "950"), ("stat", "cache 100")):
        (tmp_path / "memory" / f"memory.{name}").write_text(text)
    assert group_memory(tmp_path, *CGROUP_V1) == [50]
    assert available() <= system_memory()


def test_a_set_over_the_budget_is_streamed_and_the_reason_said() -> None:
    assert why_streamed(1000, 1000, CPU.torch_device) == ""
    why = why_streamed(3_000_000_000, 2_000_000, CPU.torch_device)
    assert why == "3.0 GB decoded, over the memory budget of 2.0 MB (--memory-budget)"


@pytest.fixture
def pixels(tmp_path: Path) -> PixelMap:
    """Noise in a file."""
    noise = np.random.default_rng(0).integers(0, 256, SHAPE, np.uint8)
    (tmp_path / "pixels").write_bytes(noise.tobytes())
    return PixelMap.of(tmp_path / "pixels", SHAPE)


def both(pixels: PixelMap) -> tuple[SplitBatches, SplitBatches]:
    """Every second picture, held and streamed."""
    targets = np.arange(len(pixels.images)) % 3
    positions = np.arange(0, len(pixels.images), 2)
    held: NDArray[np.uint8] = pixels.images.copy()
    return (
        SplitBatches(held, targets, positions, CPU),
        SplitBatches(pixels.images, targets, positions, CPU, pixels),
    )


def same(first: Batch, second: Batch) -> bool:
    """Whether two batches are equal to the bit."""
    pairs = (
        (first.images, second.images),
        (first.targets, second.targets),
        (first.rows, second.rows),
    )
    return all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("sampling", ["shuffled", "balanced"])
@pytest.mark.parametrize("start", [0, 2])
def test_streamed_batches_are_those_of_memory(pixels: PixelMap, sampling, start: int) -> None:
    held, streamed = both(pixels)
    order = {"seed": 1, "epoch": 2, "start": start, "sampling": sampling}
    pairs = list(zip(held.shuffled(4, **order), streamed.shuffled(4, **order), strict=True))
    pairs += zip(held.sequential(5), streamed.sequential(5), strict=True)
    assert len(pairs) == (3 - start) + 3
    assert all(same(first, second) for first, second in pairs)


def test_each_batch_is_read_by_itself_and_the_next_one_foretold(
    pixels: PixelMap, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    read = PixelMap.read
    monkeypatch.setattr(
        PixelMap, "read", lambda self, rows: told.append(f"read {rows}") or read(self, rows)
    )
    monkeypatch.setattr(PixelMap, "expect", lambda self, rows: told.append(f"expect {rows}"))
    _, streamed = both(pixels)
    for _ in streamed.sequential(5):
        told.append("used")
    assert told == [
        "read [0, 2, 4, 6, 8]", "expect [10, 12, 14, 16, 18]", "used",
        "read [10, 12, 14, 16, 18]", "expect [20, 22]", "used",
        "read [20, 22]", "used",
    ]  # fmt: skip


def test_a_file_that_is_cut_meanwhile_is_an_error_and_no_crash(
    pixels: PixelMap, tmp_path: Path
) -> None:
    os.truncate(tmp_path / "pixels", 100)
    assert (pixels.read([0]) == pixels.images[[0]]).all()
    with pytest.raises(StorageError, match="truncated while it was read"):
        pixels.read([0, 22])


def test_a_map_that_has_forgotten_reads_the_file_again(pixels: PixelMap) -> None:
    before = pixels.images.copy()
    pixels.images[3] = 0  # a change of a private map, which is lost
    pixels.forget()
    pixels.expect(range(len(before)))
    assert (pixels.images == before).all()
    assert (pixels.read([7, 2, 7]) == before[[7, 2, 7]]).all()


def test_a_map_of_a_file_of_another_size_is_refused(tmp_path: Path) -> None:
    (tmp_path / "short").write_bytes(bytes(10))
    with pytest.raises(ValueError, match="wrong size"):
        PixelMap.of(tmp_path / "short", SHAPE)


# Runs clfw with its arguments; prints the largest values of three lines of /proc/self/status, MB.
WATCHED = """
import json, sys, threading
from clfw.training import device
from clfw.cli import outcome

device.keep_freed_memory = lambda: None  # what counts is what is held, not what was freed

peak, done = {"RssAnon": 0, "RssFile": 0, "VmRSS": 0}, threading.Event()

def watch():
    while not done.wait(0.005):
        for line in open("/proc/self/status"):
            name, _, value = line.partition(":")
            if name in peak:
                peak[name] = max(peak[name], int(value.split()[0]) / 1024)

thread = threading.Thread(target=watch)
thread.start()
code = outcome(sys.argv[1:])
done.set()
thread.join()
print(json.dumps(peak))
sys.exit(code)
"""
BUDGET = 32  # MB
SIDE = 64


def peaks(name: str, *options: str) -> dict[str, float]:
    """Train on the data entry `name` in a process of its own."""
    command = ["run", "--model", "fashion_cnn", "--set", "model.width=2", "--data", name,
               "--epochs", "1", "--batch-size", "64", "--out", name, *options]  # fmt: skip
    # Freed buffers of a batch go back to the system at once.
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "131072"}
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, *command],
        capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert ("streamed from the cache" in done.stderr) == bool(options)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def weights(name: str) -> str:
    """The hash of a run's weights file, which says what data it was trained on."""
    return hashlib.sha256((Path(name) / "model.safetensors").read_bytes()).hexdigest()


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads what Linux says")
def test_a_set_of_four_budgets_takes_no_more_memory_than_one_and_ends_in_the_same_weights() -> None:
    count = 4 * BUDGET * 10**6 // (3 * SIDE * SIDE) + 1
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, count)
    small = random.integers(0, 80, (count, 8, 8, 3), dtype=np.uint8)
    for k in range(3):
        small[labels == k, 2 * k : 2 * k + 2] += 120
    text = ""
    for name, rows in (("whole", count), ("quarter", count // 4)):
        np.savez(f"{name}.npz", x=small[:rows], y=labels[:rows])
        text += f'[data.{name}]\ncomponent = "arrays"\nsummary = "noise"\n'
        text += f'values = {{ path = "{name}.npz", image_size = {SIDE} }}\n'
    Path("registry.toml").write_text(text)

    quarter = peaks("quarter")
    streamed = peaks("whole", "--memory-budget", f"{BUDGET}MB")  # which decodes, too
    Path("whole").rename("streamed")
    held = peaks("whole")

    print(f"a quarter held: {quarter}\nall streamed: {streamed}\nall held: {held}")
    assert weights("streamed") == weights("whole")
    assert streamed["RssAnon"] - quarter["RssAnon"] < BUDGET
    assert streamed["RssFile"] < quarter["RssFile"]  # which has its pictures there
    assert streamed["VmRSS"] - quarter["VmRSS"] < BUDGET
    assert held["RssFile"] - quarter["RssFile"] > 2 * BUDGET  # so that the bounds say something
