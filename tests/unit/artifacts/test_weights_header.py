"""Headers of weights files from outside: whatever is in them, one of clfw's own errors or a fit."""

import json
import struct
from collections.abc import Callable

import pytest

from clfw.errors import DataError
from clfw.io.safetensors_header import MAX_TENSORS
from fuzzing import fuzz, load, sound_file

IN_THE_SUITE = 200_000
Header = dict[str, dict]


def test_mutated_headers_are_refused_by_clfw_itself_and_none_takes_a_second():
    """Any other exception would end the test; a second is of processor time."""
    result = fuzz(IN_THE_SUITE)
    assert result.tried == IN_THE_SUITE
    assert result.slowest < 1
    assert 0 < result.taken == result.same < IN_THE_SUITE // 20  # a space more, which says nothing


@pytest.mark.slow
def test_a_million_mutated_headers_are_refused_by_clfw_itself():
    result = fuzz(1_000_000, seed=1)
    assert (result.tried, result.slowest < 1) == (1_000_000, True)
    assert 0 < result.taken == result.same


def test_a_file_cut_anywhere_is_refused():
    data = sound_file()
    for length in range(len(data)):
        with pytest.raises(DataError):
            load(data[:length])


@pytest.mark.parametrize("length", [0, 1, 2, 3, 2**31, 2**32, 2**63, 2**64 - 1, 25_000_001])
def test_a_header_of_an_absurd_length_is_refused(length: int):
    with pytest.raises(DataError, match="damaged"):
        load(struct.pack("<Q", length) + sound_file()[8:])


def with_header(change: Callable[[Header], object], pad: int = 0) -> bytes:
    """The sound file with another header."""
    data = sound_file()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    changed = change(header)
    text = (changed if isinstance(changed, str) else json.dumps(header)).encode() + b" " * pad
    return struct.pack("<Q", len(text)) + text + data[8 + length :]


def entry(name: str, **values: object) -> Callable[[Header], object]:
    """A header with other values in the entry of one tensor."""
    return lambda header: header[name].update(values)


def many(header: Header) -> None:
    for number in range(MAX_TENSORS + 1):
        header[f"t{number}"] = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}


def renamed(name: str) -> Callable[[Header], object]:
    return lambda header: header.update({name: header.pop("0.bias")})


FAULTS: dict[str, tuple[Callable[[Header], object], str]] = {
    "unknown type": (entry("0.bias", dtype="F128"), "unknown type 'F128'"),
    "type no text": (entry("0.bias", dtype=["F32"]), "unknown type"),
    "shape of text": (entry("0.bias", shape="2"), "the shape is malformed"),
    "shape of truth": (entry("0.bias", shape=[True, 2]), "the shape is malformed"),
    "shape of floats": (entry("0.bias", shape=[2.0]), "the shape is malformed"),
    "shape negative": (entry("0.bias", shape=[-2]), "the shape is malformed"),
    "shape of 10**30": (entry("0.bias", shape=[10**30]), "the shape is malformed"),
    "shape whose product runs over": (
        entry("0.bias", shape=[2**40] * 3),
        "does not match the byte count",
    ),
    "rank of 100,000": (entry("0.bias", shape=[1] * 100_000), "the shape is malformed"),
    "offsets turned round": (entry("0.bias", data_offsets=[8, 0]), "does not match the byte count"),
    "offsets behind the end": (entry("0.bias", data_offsets=[2**40, 2**40 + 8]), "hole or overlap"),
    "offsets of another": (entry("0.bias", data_offsets=[0, 8]), "hole or overlap"),
    "offsets three": (entry("0.bias", data_offsets=[0, 8, 8]), "the offsets are malformed"),
    "hole": (lambda h: h.pop("0.bias"), "hole or overlap"),
    "entry no table": (lambda h: h.update({"0.bias": []}), "the entry is malformed"),
    "entry with more": (entry("0.bias", extra=1), "the entry is malformed"),
    "metadata of numbers": (lambda h: h["__metadata__"].update(a=1), "not a table of strings"),
    "metadata a list": (lambda h: h.update(__metadata__=[]), "not a table of strings"),
    "too many tensors": (many, "over the limit of 100000"),
    "empty name": (renamed(""), "cannot be used"),
    "long name": (renamed("x" * 501), "cannot be used"),
    "name with an escape": (renamed("\x1b[2Jbias"), r"\x1b[2Jbias"),
    "name with a turn": (renamed("a\u202eb"), r"\u202e"),
    "name of half a character": (renamed("\ud800"), "surrogates not allowed"),
    "header a list": (lambda h: "[" + "1," * 5 + "1]", "not a safetensors file"),
    "deep": (lambda h: '{"a":' + "[" * 100_000, "damaged header"),
    "a number of 5,000 digits": (lambda h: '{"a":' + "9" * 5000 + "}", "damaged header"),
    "NaN": (lambda h: '{"a":NaN}', "NaN is not a number"),
    "1e999": (lambda h: '{"a":1e999}', "a number is too large"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_header_that_breaks_a_rule_is_refused_by_name(fault: str):
    change, words = FAULTS[fault]
    with pytest.raises(DataError) as caught:
        load(with_header(change))
    assert words in caught.value.message
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 300


def test_spaces_behind_the_header_are_allowed():
    load(with_header(lambda header: None, pad=13))


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"", "it is empty"),
        (bytes(600), "full of zeros"),
        (b"\x80\x04\x95" + bytes(60), "pickle; clfw never unpickles"),
        (b"PK\x03\x04" + bytes(60), "zip or a PyTorch pickle archive; clfw never unpickles"),
        (b"\x1f\x8b\x08" + bytes(60), "compressed archive"),
        (b"a.txt".ljust(257, b"\0") + b"ustar\0" + bytes(300), "tar archive"),
        (b"  <!DOCTYPE html><html>", "a web page"),
        (b"<html><body>404", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "Git LFS pointer: run git lfs pull"),
        (b"\x89HDF\r\n\x1a\n" + bytes(60), "an HDF5 file"),
        (b"just some words, more than eight", "not a safetensors file"),
    ],
)
def test_another_kind_of_file_is_named_for_what_it_looks_like(head: bytes, words: str):
    with pytest.raises(DataError) as caught:
        load(head)
    assert words in caught.value.message


def test_the_sound_file_is_taken():
    """Else every refusal above would say nothing."""
    load(sound_file())
