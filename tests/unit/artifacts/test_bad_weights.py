"""Files that are no sound weights: refused, and never unpickled."""

import json
import os
import pickle
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from commandline import assert_refused, clfw, keep_to, succeed
from fuzzing import seal
from tiny_sets import BARS, bar, png, write_bars

DATA = ("--data", "csv_images", "--set", "data.path=bars", "--set", "data.validation=0.3")
RUN = ("run", "--model", "fashion_cnn", *DATA, "--steps", "1")
PICTURE = png(bar(1, 4))


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[bytes]:
    """A sound weights file."""
    root = tmp_path_factory.mktemp("weights")
    with pytest.MonkeyPatch.context() as patch:
        keep_to(root, patch)
        write_bars(Path("bars"))
        succeed(*RUN, "--out", "run")
        yield Path("run/model.safetensors").read_bytes()


class Payload:
    """Writes a file when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str, ...]]:
        return os.mkdir, ("canary",)


def with_header(weights: bytes, change: Callable[[dict], object]) -> bytes:
    """The file with another header; the tensors stay."""
    (length,) = struct.unpack("<Q", weights[:8])
    header = json.loads(weights[8 : 8 + length])
    change(header)
    text = json.dumps(header).encode()
    changed = struct.pack("<Q", len(text)) + text + weights[8 + length :]
    return seal(changed) if "__metadata__" in header else changed


def with_facts(weights: bytes, **changes: object) -> bytes:
    """The file with another description of itself."""

    def change(header: dict) -> None:
        facts = json.loads(header["__metadata__"]["clfw"]) | changes
        header["__metadata__"]["clfw"] = json.dumps(facts)

    return with_header(weights, change)


def model(**changes: object) -> dict[str, object]:
    """A description of the model, with changes."""
    described = {
        "component": "fashion_cnn",
        "package": "clfw",
        "version": "0",
        "values": {"width": 4},
    }
    return described | changes


BAD_WEIGHTS: dict[str, tuple[Callable[[bytes], bytes], int, str]] = {
    "empty": (lambda _: b"", 65, "not a safetensors file (it is empty)"),
    "pickle": (lambda _: pickle.dumps(Payload()), 65, "looks like a pickle; clfw never unpickles"),
    "old pickle": (lambda _: pickle.dumps(Payload(), 0), 65, "not a safetensors file"),
    "zip": (lambda _: b"PK\x03\x04" + bytes(40), 65, "PyTorch pickle archive"),
    "web page": (lambda _: b"<!doctype html><title>404</title>", 65, "looks like a web page"),
    "LFS pointer": (lambda _: b"version https://git-lfs.github.com/spec/v1\n", 65, "git lfs pull"),
    "seven bytes": (lambda w: w[:7], 65, "not a safetensors file"),
    "header cut": (lambda w: w[:200], 65, "damaged"),
    "header of no bytes": (lambda w: bytes(8) + w[8:], 65, "damaged: the header's length is 0"),
    "header too long": (lambda w: b"\xff" * 8 + w[8:], 65, "damaged: the header's length is"),
    "header no JSON": (lambda w: w[:8] + b"{" * 40 + w[48:], 65, "damaged header"),
    "header a key twice": (
        lambda w: struct.pack("<Q", 15) + b'{"a":{},"a":{}}',
        65,
        "a key appears twice",
    ),
    "header of deep nesting": (
        lambda w: struct.pack("<Q", 200_006) + b'{"a":' + b"[" * 200_000 + b"}",
        65,
        "damaged header",
    ),
    "tensors cut": (lambda w: w[:-5], 65, "damaged"),
    "bytes behind the tensors": (lambda w: w + b"more", 65, "damaged"),
    "another program's": (
        lambda w: with_header(w, lambda h: h.pop("__metadata__")),
        65,
        "not one that clfw wrote",
    ),
    "tensor entry malformed": (
        lambda w: with_header(w, lambda h: h.update({"0.weight": 3})),
        65,
        "entry is malformed",
    ),
    "tensor of another name": (
        lambda w: with_header(w, lambda h: h.update({"x": h.pop("0.weight")})),
        65,
        "'0.weight' is missing",
    ),
    "tensor of another shape": (
        lambda w: with_facts(w, model=model(values={"width": 5})),
        65,
        "the model has (5, 1, 3, 3)",
    ),
    "tensor not finite": (
        lambda w: seal(w[:-4] + struct.pack("<f", float("nan"))),
        65,
        "is not finite",
    ),
    "later format": (lambda w: with_facts(w, format=99), 65, "format 99; this clfw reads 1 and 2"),
    "no classes": (lambda w: with_facts(w, classes=None), 65, "'classes' is missing"),
    "classes no text": (lambda w: with_facts(w, classes=[1, 2, 3]), 65, "damaged metadata"),
    "classes fewer": (lambda w: with_facts(w, classes=["a", "b"]), 65, "does not fit the model"),
    "preprocess malformed": (lambda w: with_facts(w, preprocess={"mean": 1}), 65, "preprocess"),
    "unknown component": (
        lambda w: with_facts(w, model=model(component="resnet_9000", package="nets")),
        69,
        "the weights were made with nets",
    ),
    "code as component": (
        lambda w: with_facts(w, model=model(component="os:system")),
        69,
        "no architecture named 'os:system'",
    ),
    "unknown parameter": (
        lambda w: with_facts(w, model=model(values={"depth": 9})),
        65,
        "model.depth: no such parameter",
    ),
    "values no table": (
        lambda w: with_facts(w, model=model(values=[1])),
        65,
        "damaged metadata",
    ),
}


@pytest.mark.parametrize("case", BAD_WEIGHTS)
def test_a_file_that_is_no_sound_weights_file_is_refused(case: str, weights: bytes):
    spoil, code, fragment = BAD_WEIGHTS[case]
    Path("bad.safetensors").write_bytes(spoil(weights))
    Path("one.png").write_bytes(PICTURE)
    finished = clfw("predict", "bad.safetensors", "one.png")
    assert_refused(finished, code, "bad.safetensors", fragment)
    assert not Path("canary").exists()


def test_the_sound_file_itself_is_taken(weights: bytes):
    """Else every refusal above would say nothing."""
    Path("good.safetensors").write_bytes(with_facts(weights))
    Path("one.png").write_bytes(PICTURE)
    assert succeed("predict", "good.safetensors", "one.png", "--json").json[0]["name"] in BARS


@pytest.mark.parametrize(
    ("arguments", "code", "fragment"),
    [
        (("eval", "absent", *DATA), 66, "no file or folder 'absent'"),
        (("eval", "bars", *DATA), 66, "bars: has no model.safetensors"),
        (("inspect", "absent"), 66, "no file or folder 'absent'"),
        (("predict", "good.safetensors", "--data", "nothing_like_it"), 2, "no data entry named"),
        (("predict", "good.safetensors", *DATA, "--out", "absent/x.csv"), 73, "absent"),
        (("predict", "good.safetensors", *DATA, "--out", "bars"), 73, "is there already"),
        (("predict", "good.safetensors", "bars/train/1.png", "--out", "good.safetensors"), 73,
         "good.safetensors: is there already"),
        (("draw", "filters", "good.safetensors", "--out", "good.safetensors"), 2,
         "good.safetensors: a picture is written as PNG"),
        (("predict", "good.safetensors", *DATA, "--split", "tset"), 2, "'tset' is not one of"),
        (("predict", "good.safetensors", *DATA, "--set", "model.width=3"), 2, "model"),
        (("predict", "good.safetensors", "bars/train/1.png", "--set", "data.channels=3"), 2, "--set"),
        (("eval", "good.safetensors", *DATA, "--set", "data.validation=0"), 65,
         "the validation split is empty"),
        (("eval", "good.safetensors", "--data", "fashion_csv"), 65, "the weights do not know"),
        (("eval", "good.safetensors", *DATA, "--device", "warp"), 2, "warp"),
    ],
)  # fmt: skip
def test_a_wrong_word_after_training_is_refused(
    arguments: tuple[str, ...], code: int, fragment: str, weights: bytes
):
    write_bars(Path("bars"))
    Path("good.safetensors").write_bytes(weights)
    assert_refused(clfw(*arguments), code, fragment)
