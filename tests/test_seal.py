"""The seal of a weights file: whatever changes in it afterwards is noticed before it is used."""

import json
import random
import shutil
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clfw.artifacts.sealing import KEY
from clfw.artifacts.weightsfile import read_header
from clfw.errors import DataError
from commandline import Finished, assert_refused, clfw, keep_to, succeed
from fuzzing import CLASSES, flipped, load, renamed_classes, sound_file, with_classes
from killing import DATA
from tiny_sets import write_bars

PICTURE = "bars/train/1.png"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A finished run."""
    root = tmp_path_factory.mktemp("sealed")
    with pytest.MonkeyPatch.context() as patch:
        keep_to(root, patch)
        write_bars(Path("bars"))
        succeed("run", "--model", "plain_cnn", *DATA, "--steps", "1", "--out", "run")
        yield root / "work"


@pytest.fixture
def run(root: Path) -> Path:
    """A copy of the finished run, with its pictures beside it."""
    shutil.copytree(root, ".", dirs_exist_ok=True)
    return Path("run")


def spoil_tensors(file: Path) -> None:
    """Turn the last bit of the tensors over, which stays a number."""
    file.write_bytes(flipped(file.read_bytes(), 8 * file.stat().st_size - 32))


def unsealed(data: bytes) -> bytes:
    """The file as the format before had it."""
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    facts = json.loads(header["__metadata__"][KEY])
    del facts["sha256"]
    header["__metadata__"][KEY] = json.dumps({**facts, "format": 1})
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data[8 + length :]


def each_use(file: str) -> list[Finished]:
    """Everything that reads a weights file."""
    return [
        clfw("inspect", file), clfw("predict", file, PICTURE), clfw("eval", file, *DATA),
        clfw("draw", "filters", file), clfw("draw", "confusion", file, *DATA),
    ]  # fmt: skip


def test_a_bit_changed_in_the_tensors_is_noticed_by_whoever_reads_them(run: Path):
    spoil_tensors(run / "model.safetensors")
    for finished in each_use("run"):
        assert_refused(finished, 65, "run/model.safetensors: damaged: its content has the SHA-256 ")
        assert finished.err.splitlines()[-1] == "hint: write it again: clfw resume run"


def test_a_damaged_file_that_stands_alone_is_to_be_replaced(run: Path):
    spoil_tensors((run / "model.safetensors").rename("alone.safetensors"))
    finished = clfw("predict", "alone.safetensors", PICTURE)
    assert_refused(finished, 65, "alone.safetensors: damaged", "put a sound copy in its place")


def test_a_damaged_file_gives_no_backbone(run: Path):
    spoil_tensors(run / "model.safetensors")
    finished = clfw(
        "run", "--model", "frozen_backbone", *DATA, "--set", "model.backbone_weights=run",
        "--out", "other", "--steps", "1",
    )  # fmt: skip
    assert_refused(finished, 65, "run/model.safetensors")
    assert not Path("other").exists()


def test_exchanged_classes_are_noticed(run: Path):
    file = run / "model.safetensors"
    names = list(read_header(file).classes)
    data = file.read_bytes()
    one, other = (json.dumps(json.dumps(n))[1:-1].encode() for n in names[:2])
    assert len(one) == len(other)
    first, second = data.index(one), data.index(other)
    changed = bytearray(data)
    changed[first : first + len(one)], changed[second : second + len(one)] = other, one
    file.write_bytes(changed)
    assert_refused(clfw("predict", "run", PICTURE), 65, "run/model.safetensors: damaged")


def test_a_file_of_the_format_before_is_taken_and_inspect_says_that_it_has_no_seal(run: Path):
    file = run / "model.safetensors"
    sealed = succeed("predict", "run", PICTURE, "--json").json
    seal = read_header(file).seal
    assert f"sha256     {seal} (the file is as it was written)" in succeed("inspect", "run").out
    file.write_bytes(unsealed(file.read_bytes()))
    assert "sha256     none: an older file" in succeed("inspect", "run").out
    predicted = succeed("predict", "run", PICTURE, "--json")
    assert (predicted.json, predicted.err) == (sealed, "")


def lose(run: Path) -> None:
    (run / "model.safetensors").unlink()


def zero(run: Path) -> None:
    (run / "model.safetensors").write_bytes(bytes(99))


def spoil(run: Path) -> None:
    spoil_tensors(run / "model.safetensors")


@pytest.mark.parametrize("act", [lose, zero, spoil])
def test_a_finished_run_that_lost_its_weights_gets_the_same_file_again(
    act: Callable[[Path], None], run: Path
):
    before = {path: path.read_bytes() for path in run.iterdir() if path.is_file()}
    act(run)
    resumed = succeed("resume", "run")
    assert "warning: run/model.safetensors: " in resumed.err
    assert "it is written again from the last checkpoint" in resumed.err
    assert resumed.json == json.loads(before[run / "summary.json"])
    assert {path: path.read_bytes() for path in before} == before
    assert len(list(run.glob("damaged-model.safetensors-*"))) == (act is not lose)
    assert "nothing to do" in succeed("resume", "run").err


def test_without_a_checkpoint_lost_weights_are_lost(run: Path):
    lose(run)
    shutil.rmtree(run / "checkpoints")
    assert_refused(clfw("resume", "run"), 65, "run/checkpoints: there is no checkpoint")
    assert (run / "summary.json").exists()


def test_a_file_of_this_format_without_a_seal_is_refused():
    data = sound_file()
    with pytest.raises(DataError, match="damaged: its content"):
        load(data.replace(b"sha256", b"sha255"))


def test_every_bit_that_is_flipped_in_a_weights_file_is_found():
    data = sound_file()
    load(data)
    bits = 8 * len(data)
    assert bits > 6_000
    found = 0
    for bit in range(bits):
        try:
            load(flipped(data, bit))
        except DataError:
            found += 1
    assert found == bits


def test_class_names_that_were_changed_are_found_however_well_they_fit():
    data, draw = sound_file(), random.Random(0)
    found = 0
    for _ in range(500):
        names = renamed_classes(draw)
        assert len(set(names)) == len(CLASSES)
        assert sum(map(len, names)) == sum(map(len, CLASSES))
        try:
            load(with_classes(data, names))
        except DataError:
            found += 1
    assert found == 500
