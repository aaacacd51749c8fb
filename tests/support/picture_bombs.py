"""Small files that would unpack to much, each decoded in a process of its own that is measured."""

import json
import os
import re
import resource
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from clfw.data.decoding import decode_bytes, silence_pillow
from clfw.errors import DataError
from encoded import chunks_of, encoded, noise, png_header, png_of
from picture_kinds import raw_bmp

SIDE = 7071  # the largest square within the limit of 50 million pixels
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of the colour types of PNG


@dataclass(frozen=True)
class Burst:
    """What a bomb came to: bytes of the file, bytes of memory that decoding took, seconds of CPU."""

    size: int
    peak: int
    seconds: float
    said: str  # empty where it decoded


def flat_png(side: int, depth: int, color: int, *more: tuple[bytes, bytes]) -> bytes:
    """A PNG of zeros, which packs a thousand to one."""
    line = bytes(1 + (side * CHANNELS[color] * depth + 7) // 8)
    packer = zlib.compressobj()
    packed = b"".join([packer.compress(line) for _ in range(side)]) + packer.flush()
    header = (b"IHDR", png_header(side, side, depth, color))
    palette = [(b"PLTE", bytes(768))] if color == 3 else []
    return png_of([header, *palette, *more, (b"IDAT", packed), (b"IEND", b"")])


def with_size(data: bytes, width: int, height: int) -> bytes:
    """A PNG whose header promises another size, under a right checksum."""
    (name, body), *rest = chunks_of(data)
    return png_of([(name, struct.pack(">II", width, height) + body[8:]), *rest])


def long_text(byte: bytes = b"\0") -> bytes:
    """200 MB that pack a thousand to one."""
    return zlib.compress(byte * (200 << 20))


def with_part(name: bytes, body: bytes, times: int = 1) -> bytes:
    """A small PNG with one more part, or many."""
    header, *rest = chunks_of(encoded(noise(4, 4, 1), "PNG"))
    return png_of([header, *[(name, body)] * times, *rest])


def animated(frames: int) -> bytes:
    """An animated PNG of many small frames."""
    first, *rest = chunks_of(encoded(noise(4, 4, 1), "PNG"))
    body = next(body for name, body in rest if name == b"IDAT")
    control = [struct.pack(">5I2H2B", n, 4, 4, 0, 0, 1, 1, 0, 0) for n in range(2 * frames)]
    more = [
        chunk
        for n in range(1, 2 * frames - 1, 2)
        for chunk in ((b"fcTL", control[n]), (b"fdAT", struct.pack(">I", n + 1) + body))
    ]
    told = (b"acTL", struct.pack(">II", frames, 0))
    return png_of([first, told, (b"fcTL", control[0]), (b"IDAT", body), *more, (b"IEND", b"")])


def jpeg_of(height: int, width: int) -> bytes:
    data = encoded(noise(8, 8), "JPEG")
    frame = data.index(b"\xff\xc0") + 5
    return data[:frame] + struct.pack(">HH", height, width) + data[frame + 4 :]


def jpeg_with_scans(count: int) -> bytes:
    """A progressive JPEG whose last scan, of a few bytes, comes again and again."""
    data = encoded(np.zeros((2000, 2000, 3), np.uint8), "JPEG", progressive=True)
    return data[:-2] + data[data.rindex(b"\xff\xda") : -2] * count + data[-2:]


def webp_of(side: int) -> bytes:
    size = (side - 1).to_bytes(3, "little") * 2
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\x10\0\0\0" + size
    return b"RIFF" + struct.pack("<I", len(body) + 100) + body + bytes(100)


def runs_bmp(side: int) -> bytes:
    """A BMP of few runs that ends early."""
    return raw_bmp(b"\xff\0" * 100 + b"\0\1", side, side, 8, 1, bytes(1024))


SMALL = encoded(noise(4, 4), "PNG")
BOMBS: dict[str, Callable[[], bytes]] = {
    "png of 60000x60000": lambda: with_size(SMALL, 60_000, 60_000),
    "png of 1x2**31-1": lambda: with_size(SMALL, 1, 2**31 - 1),
    "png of 2**31-1x1": lambda: with_size(SMALL, 2**31 - 1, 1),
    "png of a pixel row too many": lambda: with_size(SMALL, SIDE, SIDE + 2),
    "png a thousand to one": lambda: flat_png(12_000, 8, 2),
    "png of one bit, eight thousand to one": lambda: flat_png(20_000, 1, 0),
    "pixels behind a small picture's": lambda: png_of(
        [chunks_of(SMALL)[0], (b"IDAT", long_text()), (b"IEND", b"")]
    ),
    "zTXt of 200 MB": lambda: with_part(b"zTXt", b"a\0\0" + long_text()),
    "iTXt of 200 MB": lambda: with_part(b"iTXt", b"a\0\1\0\0\0" + long_text()),
    "iCCP of 200 MB": lambda: with_part(b"iCCP", b"a\0\0" + long_text()),
    "exif of 200 MB in hex": lambda: with_part(
        b"zTXt", b"Raw profile type exif\0\0" + long_text(b"\n")
    ),
    "100,000 texts": lambda: with_part(b"tEXt", b"a\0b", 100_000),
    "apng of 100,000 frames": lambda: animated(100_000),
    "gif of 100,000 frames": lambda: (
        b"GIF89a\xff\xff\xff\xff\0\0\0" + b",\0\0\0\0\xff\xff\xff\xff\0\2\1\0\0" * 100_000 + b";"
    ),
    "jpeg of 65500x65500": lambda: jpeg_of(65_500, 65_500),
    "jpeg with 5,000 scans": lambda: jpeg_with_scans(5000),
    "webp of 2**24x2**24": lambda: webp_of(2**24),
    "bmp of 2**31-1x2**31-1": lambda: runs_bmp(2**31 - 1),
    "bmp of 60000x60000": lambda: runs_bmp(60_000),
}
PROMISED = [name for name in BOMBS if re.search(r" of .*\dx", name)]  # by their header alone
LARGEST: dict[str, Callable[[], bytes]] = {  # within the limit, so that they decode or lack pixels
    "grey": lambda: flat_png(SIDE, 8, 0),
    "colour": lambda: flat_png(SIDE, 8, 2),
    "palette": lambda: flat_png(SIDE, 8, 3),
    "palette and alpha": lambda: flat_png(SIDE, 8, 3, (b"tRNS", bytes(256))),
    "grey and alpha": lambda: flat_png(SIDE, 8, 4),
    "colour and alpha": lambda: flat_png(SIDE, 8, 6),
    "16 bit grey": lambda: flat_png(SIDE, 16, 0),
    "16 bit colour": lambda: flat_png(SIDE, 16, 2),
    "16 bit colour and alpha": lambda: flat_png(SIDE, 16, 6),
    "one bit": lambda: flat_png(SIDE, 1, 0),
    "jpeg": lambda: jpeg_of(SIDE, SIDE),
    "bmp": lambda: runs_bmp(SIDE),
}


def burst(names: list[str]) -> dict[str, Burst]:
    """What each of the bombs comes to, each in a process of its own."""
    command = [sys.executable, __file__, *names]
    worker = subprocess.run(command, capture_output=True, text=True, timeout=600, check=True)
    return {name: Burst(**facts) for name, facts in json.loads(worker.stdout).items()}


def decode_apart(data: bytes) -> Burst:
    """Decode in a child, which inherits the file; a child that dies says nothing and is an error."""
    read, write = os.pipe()
    if child := os.fork():
        os.close(write)
        with os.fdopen(read) as answer:
            text = answer.read()
        assert os.waitpid(child, 0)[1] == 0
        return Burst(**json.loads(text))
    before, start, said = (
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        time.process_time(),
        "",
    )
    try:
        with silence_pillow():
            decode_bytes(data)
    except DataError as error:
        said = error.message
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    facts = {"size": len(data), "peak": peak, "seconds": time.process_time() - start, "said": said}
    with os.fdopen(write, "w") as answer:
        json.dump(facts, answer)
    os._exit(0)


if __name__ == "__main__":
    makers = BOMBS | LARGEST
    with silence_pillow():  # what decoding loads, it loads now
        for form in ("PNG", "JPEG", "BMP", "WEBP"):
            decode_bytes(encoded(noise(9, 9), form))
        decode_bytes(encoded(np.dstack([noise(9, 9), noise(9, 9, 1)]), "PNG"))
    found = {name: decode_apart(makers[name]()) for name in sys.argv[1:]}
    json.dump({name: vars(burst) for name, burst in found.items()}, sys.stdout)
