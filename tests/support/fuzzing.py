"""Weights files with a mutated header, through the whole of clfw's loader."""

import json
import random
import string
import struct
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from clfw.artifacts.checksum import FORMAT, KEY, checksummed, verify_checksum
from clfw.artifacts.weights_header import Header, check_header
from clfw.errors import ClfwError
from clfw.io.json_text import canonical_json
from clfw.io.safetensors_header import header_length
from clfw.models.safetensors_io import decode, encode, parts
from clfw.models.weights_io import require_fit

PIECES = (
    b'"', b"{", b"}", b"[", b"]", b",", b":", b"0", b"-1", b"1e999", b"1e5", b"NaN", b"Infinity",
    b"18446744073709551616", b"9" * 60, b"null", b"true", b'"F32"', b'"I64"', b'"F4"', b'"BOOL"',
    b'"shape"', b'"dtype"', b'"data_offsets"', b'"__metadata__"', b"\\u0000", b"\\ud800",
    b"\xff", b"\xc3\x28", b"\x00", b" ", b"\xe2\x80\xae", b"\x1b[2J", b"[[[[[[[[", b'{"a":' * 20,
)  # fmt: skip

CLASSES = ("boot", "shoe", "sandal")


@dataclass
class Fuzzed:
    """What the mutations came to; `same` of those taken say what the sound file says."""

    tried: int = 0
    taken: int = 0
    same: int = 0
    slowest: float = 0.0
    refused: Counter[str] = field(default_factory=Counter)


def state() -> dict[str, Tensor]:
    """The tensors of a small network."""
    return {
        "0.weight": torch.ones(2, 1, 3, 3),
        "0.bias": torch.zeros(2),
        "1.count": torch.tensor(3),
    }


def sound_file() -> bytes:
    """A weights file with all that the description needs."""
    facts = {
        "format": FORMAT,
        "model": {"component": "fashion_cnn", "package": "clfw", "version": "0", "values": {}},
        "classes": list(CLASSES),
        "preprocess": {
            "channels": 1, "height": 4, "width": 4, "mean": [0.5], "std": [0.2], "fit": "squash",
            "decoder": decoder(),
        },
        "data": {"entry": "x", "source": "full"},
        "weights": {"which": "best", "step": 1, "averaged": False},
        "metrics": {"test": {"accuracy": 0.5, "loss": 1.0}},
    }  # fmt: skip
    return seal(encode(state(), {KEY: canonical_json(facts)}))


def seal(data: bytes) -> bytes:
    """The file under a seal that fits what it says."""
    header, payload = parts(data)
    parsed = json.loads(header)
    parsed["__metadata__"][KEY] = checksummed(header, [payload])
    text = json.dumps(parsed).encode()
    return struct.pack("<Q", len(text)) + text + payload


def decoder() -> str:
    from clfw.api.preprocess import DECODER

    return DECODER


def load(data: bytes) -> Header:
    """All that happens to a weights file before a byte of it reaches a model."""
    path = Path("x.safetensors")
    length = header_length(data[:520], len(data), "x")
    header, payload = data[8 : 8 + length], data[8 + length :]
    found = check_header(header, len(payload), path)
    require_fit(decode(data, "x"), state(), "x")
    verify_checksum(header, [payload], "x")
    return found


def mutated(data: bytes, header: int, draw: random.Random) -> bytes:
    """A few changes to the header, with its length put right or left wrong."""
    changed = bytearray(data[: 8 + header])
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        at = draw.randrange(len(changed))
        how = draw.randrange(6)
        if how == 0:
            changed[at] ^= 1 << draw.randrange(8)
        elif how == 1:
            changed[at] = draw.randrange(256)
        elif how == 2:
            changed[at:at] = draw.choice(PIECES)
        elif how == 3:
            del changed[at : at + draw.choice((1, 2, 5, 20))]
        elif how == 4:
            source = draw.randrange(len(changed))
            changed[at:at] = changed[source : source + draw.randrange(1, 60)]
        else:
            changed[at : at + 1] = draw.choice(PIECES)
    if len(changed) > 8 and draw.random() < 0.8:
        changed[:8] = struct.pack("<Q", len(changed) - 8)
    return bytes(changed) + data[8 + header :]


def flipped(data: bytes, bit: int) -> bytes:
    """The file with one bit turned over."""
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def renamed_classes(draw: random.Random) -> list[str]:
    """The classes in another order, or with a letter changed; as long as before, and still names."""
    names = list(CLASSES)
    if draw.random() < 0.3:
        while names == list(CLASSES):
            draw.shuffle(names)
        return names
    number = draw.randrange(len(names))
    at = draw.randrange(len(names[number]))
    letter = draw.choice([c for c in string.ascii_letters if c != names[number][at]])
    names[number] = names[number][:at] + letter + names[number][at + 1 :]
    return names


def with_classes(data: bytes, names: list[str]) -> bytes:
    """The file with other class names, and all else as it was."""
    before, after = (
        json.dumps(json.dumps(n, separators=(",", ":")))[1:-1] for n in (CLASSES, names)
    )
    assert data.count(before.encode()) == 1
    return data.replace(before.encode(), after.encode())


def fuzz(count: int, seed: int = 0, load: Callable[[bytes], Header] = load) -> Fuzzed:
    """Load `count` mutations; any error but clfw's own goes through."""
    data = sound_file()
    sound = load(data)
    (header,) = struct.unpack("<Q", data[:8])
    draw = random.Random(seed)
    result = Fuzzed()
    for _ in range(count):
        bad = mutated(data, header, draw)
        before = time.process_time()
        try:
            result.same += load(bad) == sound
            result.taken += 1
        except ClfwError as error:
            words = error.message.split(":")[1:3]
            result.refused[":".join(words)[:40]] += 1
        result.slowest = max(result.slowest, time.process_time() - before)
        result.tried += 1
    return result
