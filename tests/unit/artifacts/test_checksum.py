"""The checksum of a weights file: any later change is noticed before it is used."""

import json
import random
import shutil
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import safetensors
import torch
from torch import nn

from clfw.artifacts.checksum import FORMAT, KEY, checksummed
from clfw.artifacts.weights_header import read_header, require_whole
from clfw.errors import DataError
from clfw.io.json_text import canonical_json
from clfw.models.safetensors_io import encode, first_not_finite, parts
from clfw.models.weights_io import read_tensors, save_tensors
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
    assert_refused(finished, 65, "alone.safetensors: damaged", "replace it with an intact copy")


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
    seal = read_header(file).checksum
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


def of_many_types() -> nn.Module:
    """Tensors of all sizes of number, an empty one, and one of a single value."""
    model = nn.Module()
    for name in ("float64", "float32", "float16", "bfloat16", "int64", "int32", "uint8", "bool"):
        model.register_buffer(f"of_{name}", torch.arange(7).to(getattr(torch, name)))
    model.register_buffer("empty", torch.zeros(0, 3))
    model.register_buffer("single", torch.tensor(3))
    return model


MODELS: dict[str, Callable[[], nn.Module]] = {
    "linear": lambda: nn.Linear(3, 2),
    "channels last": lambda: nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last),
    "many types": of_many_types,
    "odd names": lambda: nn.ModuleDict({"é 猫": nn.Linear(1, 1), '"\\': nn.BatchNorm2d(2)}),
    "nothing": nn.Identity,
}
DESCRIPTIONS = (
    {},
    {"classes": ["boot", 'a "b"\\', "猫😀\x7f", "new\nline\x1b", "0" * 64, "sha256"]},
    {"zebra": {"sha256": "0" * 64}, "a": 0.1, "model": [None, True, 1e-9]},
)


@pytest.mark.parametrize("facts", DESCRIPTIONS)
@pytest.mark.parametrize("kind", MODELS)
def test_a_sealed_file_is_what_safetensors_writes_for_its_tensors_and_description(
    kind: str, facts: dict[str, object]
):
    torch.manual_seed(0)
    model = MODELS[kind]()
    state, path = model.state_dict(), Path("a.safetensors")
    save_tensors(path, model, facts)
    draft = encode(state, {KEY: canonical_json({"format": FORMAT, **facts})})
    assert path.read_bytes() == encode(state, {KEY: checksummed(*whole(draft))})
    require_whole(path)
    with safetensors.safe_open(path, "pt") as opened:
        description = json.loads(opened.metadata()[KEY])
        assert {name: description[name] for name in facts} == facts
        assert sorted(opened.keys()) == sorted(state)
        assert all(torch.equal(opened.get_tensor(name), state[name]) for name in state)
    path.write_bytes(flipped(path.read_bytes(), 8 * path.stat().st_size - 9))
    with pytest.raises(DataError, match="damaged"):
        read_tensors(path)


def whole(data: bytes) -> tuple[bytes, list[memoryview]]:
    """A file's header and payload, as `checksummed` takes them."""
    header, payload = parts(data)
    return header, [payload]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_numbers_are_finite_though_their_sum_is_not(dtype: torch.dtype):
    most = torch.full((9,), torch.finfo(dtype).max, dtype=dtype)
    assert not most.sum().isfinite()
    assert first_not_finite({"a": most}) is None
    for wrong in (float("inf"), float("-inf"), float("nan")):
        for others in (torch.zeros(9, dtype=dtype), -most):
            spoiled = others.clone()
            spoiled[3] = wrong
            assert first_not_finite({"a": most, "b": spoiled}) == "b"
    assert first_not_finite({"a": torch.tensor([float("inf"), float("-inf")], dtype=dtype)}) == "a"
