"""Damaged, forged and foreign files: an error that says what it is, never other pixels."""

import random
import re
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest

from clfw.data import decoding
from clfw.data.decoding import MAX_PIXELS, Pixels, decode_bytes, decode_with_pillow, silence_pillow
from clfw.errors import DataError
from encoded import chunks_of, encoded, noise, png_header, png_of, soft, turned_jpeg

WHOLE: dict[str, bytes] = {
    "grey png": encoded(noise(12, 15, 1), "PNG"),
    "colour png": encoded(noise(12, 15), "PNG"),
    "stored png": encoded(noise(12, 15), "PNG", compress_level=0),
    "jpeg": encoded(soft(24, 30), "JPEG", quality=80),
    "progressive jpeg": encoded(soft(24, 30), "JPEG", quality=80, progressive=True),
    "jpeg with restarts": encoded(noise(24, 30), "JPEG", restart_marker_blocks=1),
    "jpeg with exif": turned_jpeg(soft(24, 30), 6),
    "bmp": encoded(noise(12, 15), "BMP"),
    "webp": encoded(noise(12, 15), "WEBP", quality=70),
    "lossless webp": encoded(noise(12, 15), "WEBP", lossless=True),
}


def outcome(decoder: Callable[[bytes], Pixels], data: bytes) -> Pixels | None:
    """The pixels, or None for a `DataError`; anything else fails the test."""
    try:
        with silence_pillow():
            return decoder(data)
    except DataError as error:
        assert error.message
        assert "\n" not in error.message
        assert not re.search(r"0x[0-9a-f]{6,}", error.message), error.message  # an address
        return None


def agree(data: bytes) -> bool:
    """Whether both decoders refuse the file, or both give the same pixels."""
    fast, reference = outcome(decode_bytes, data), outcome(decode_with_pillow, data)
    if fast is None or reference is None:
        return fast is reference
    return np.array_equal(fast, reference)


@pytest.mark.parametrize("kind", WHOLE)
def test_a_file_cut_anywhere_is_an_error_or_the_same_pixels(kind: str) -> None:
    data = WHOLE[kind]
    pixels = decode_bytes(data)
    refused = 0
    for length in range(0, len(data), max(1, len(data) // 150)):
        found = outcome(decode_bytes, data[:length])
        refused += found is None
        assert found is None or np.array_equal(found, pixels)
    assert refused > 100


@pytest.mark.parametrize("kind", ["jpeg", "progressive jpeg", "jpeg with restarts"])
def test_a_jpeg_cut_and_closed_again_gives_the_references_answer(kind: str) -> None:
    data = WHOLE[kind]
    for length in range(2, len(data), max(1, len(data) // 150)):
        assert agree(data[:length] + b"\xff\xd9")


@pytest.mark.parametrize("kind", ["grey png", "colour png", "stored png"])
def test_a_png_with_any_byte_changed_is_refused_or_has_its_pixels(kind: str) -> None:
    data, pixels = WHOLE[kind], decode_bytes(WHOLE[kind])
    generator = random.Random(0)
    for position in range(8, len(data), 3):
        changed = bytearray(data)
        changed[position] ^= 1 << generator.randrange(8)
        found = outcome(decode_bytes, bytes(changed))
        assert found is None or np.array_equal(found, pixels)


@pytest.mark.parametrize("kind", [kind for kind in WHOLE if "jpeg" in kind])
def test_a_damaged_jpeg_gives_the_references_answer(kind: str) -> None:
    generator = random.Random(1)
    for _ in range(150):
        changed = bytearray(WHOLE[kind])
        for _ in range(generator.randint(1, 3)):
            changed[generator.randrange(2, len(changed) - 2)] = generator.randrange(256)
        if generator.random() < 0.3:
            start = generator.randrange(2, len(changed) - 40)
            del changed[start : start + generator.randint(1, 30)]
        assert agree(bytes(changed))


def damaged_png(generator: random.Random) -> bytes:
    """A PNG whose checksums are right and whose content is wrong in one of many ways."""
    chunks = chunks_of(encoded(noise(9, 11, generator.choice([1, 3])), "PNG"))
    lines = zlib.decompress(b"".join(body for kind, body in chunks if kind == b"IDAT"))
    header, end = chunks[0], chunks[-1]
    way = generator.randrange(7)
    if way == 0:
        lines = lines[: generator.randrange(len(lines))]
    elif way == 1:
        lines = bytes([generator.randrange(256)]) + lines[1:]
    elif way == 2:
        lines += generator.randbytes(20)
    packed = bytearray(zlib.compress(lines))
    if way == 3:
        packed[generator.randrange(len(packed))] ^= 1 << generator.randrange(8)
    elif way == 4:
        packed = packed[: generator.randrange(len(packed))]
    elif way == 5:
        body = bytearray(header[1])
        body[generator.randrange(8, 13)] = generator.choice([0, 1, 2, 3, 4, 6, 8, 16, 255])
        header = (b"IHDR", bytes(body))
    chunks = [header, (b"IDAT", bytes(packed)), end]
    if way == 6:
        kind = generator.choice(
            [b"gAMA", b"sRGB", b"PLTE", b"iCCP", b"IDAT", b"IEND", b"IHDR", b"ABCD"]
        )
        chunks.insert(
            generator.randrange(4), (kind, generator.randbytes(generator.choice([0, 1, 4, 13])))
        )
    return png_of(chunks)


def test_a_png_of_wrong_content_under_right_checksums_gives_the_references_answer() -> None:
    generator = random.Random(2)
    answers = [agree(damaged_png(generator)) for _ in range(400)]
    assert all(answers)


def jpeg_of_size(height: int, width: int) -> bytes:
    """A small JPEG whose frame header is forged."""
    data = bytearray(WHOLE["jpeg"])
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def bmp_of_size(height: int, width: int) -> bytes:
    """A small BMP whose header is forged."""
    data = bytearray(WHOLE["bmp"])
    data[18:26] = struct.pack("<ii", width, height)
    return bytes(data)


def png_of_size(height: int, width: int, **header: int) -> bytes:
    """A PNG whose header is forged, with data that stands for a little of it."""
    lines = zlib.compress(bytes(1000))
    body = png_header(width, height, **header)
    return png_of([(b"IHDR", body), (b"IDAT", lines), (b"IEND", b"")])


@pytest.mark.parametrize(
    "data",
    [
        png_of_size(60_000, 60_000),
        png_of_size(60_000, 60_000, color=2),
        png_of_size(1, 2**31 - 1),
        png_of_size(2**31 - 1, 1),
        png_of_size(7072, 7072),
        png_of_size(30_000, 30_000, color=3),
        png_of_size(30_000, 30_000, color=6),
        png_of_size(30_000, 30_000, depth=16),
        png_of_size(30_000, 30_000, interlace=1),
        jpeg_of_size(65_000, 65_000),
        jpeg_of_size(7072, 7072),
        bmp_of_size(30_000, 30_000),
    ],
)
def test_a_header_that_promises_too_many_pixels_is_refused_by_its_size(data: bytes) -> None:
    with pytest.raises(DataError) as caught, silence_pillow():
        decode_bytes(data)
    assert re.search(r"\d+ pixels, over the limit of 50 million", caught.value.message)
    assert len(data) < 5000


def test_a_picture_within_the_limit_is_not_refused_for_its_size() -> None:
    side = int(MAX_PIXELS**0.5)
    with pytest.raises(DataError, match="does not decode"):
        decode_bytes(png_of_size(side, side))


@pytest.mark.parametrize("filler", [b"\xff", b"\xff\xff", b"\xff\x01", b"\xff\xd0"])
def test_a_forged_size_behind_filling_bytes_does_not_reach_the_fast_way(
    filler: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A decoder skips these; a walk that took them for a segment could end at a second, small frame.
    data, bomb = WHOLE["jpeg"], jpeg_of_size(30_000, 30_000)
    frame = data.index(b"\xff\xc0")
    forged = data[:frame] + filler + bomb[frame:-2]
    landing = frame + 2 + int.from_bytes(forged[frame + 2 : frame + 4], "big")
    forged = forged.ljust(landing, b"\0") + data[frame:]

    def refuse(data: bytes, flags: int) -> None:
        raise AssertionError("a forged size reached the fast way")

    monkeypatch.setattr(decoding, "fast_decode", refuse)
    assert outcome(decode_bytes, forged) is None


def test_a_jpeg_of_hundreds_of_scans_is_refused_and_one_of_as_many_as_usual_is_not() -> None:
    data = WHOLE["progressive jpeg"]
    scan = data[data.rindex(b"\xff\xda") : -2]
    with pytest.raises(DataError, match="a JPEG of more than 200 scans"):
        decode_bytes(data[:-2] + scan * 200 + data[-2:])
    assert 5 < data.count(b"\xff\xda") < 20


def test_a_frame_header_that_ends_the_file_is_refused() -> None:
    for tail in range(1, 12):
        data = b"\xff\xd8\xff\xc0" + bytes(tail)
        assert outcome(decode_bytes, data + b"\xff\xd9") is None


@pytest.mark.parametrize("length", [0, 1])
def test_a_segment_shorter_than_its_own_length_is_refused(length: int) -> None:
    data = b"\xff\xd8\xff\xe0" + length.to_bytes(2, "big") + WHOLE["jpeg"][2:]
    assert agree(data)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "the file is empty"),
        (b"<!DOCTYPE html><html>not found</html>", "is a web page, not a picture"),
        (b"\n  <html lang='en'>", "is a web page, not a picture"),
        (b"<?xml version='1.0'?><svg/>", "is a web page, not a picture"),
        (b"version https://git-lfs.github.com/spec/v1\noid x", "is a Git LFS pointer"),
        (encoded(noise(4, 4, 1), "GIF"), "is not one of PNG, JPEG, BMP, WEBP"),
        (encoded(noise(4, 4), "TIFF"), "is not one of PNG, JPEG, BMP, WEBP"),
        (b"%PDF-1.7", "is not one of PNG, JPEG, BMP, WEBP"),
        (b"PK\x03\x04", "is not one of PNG, JPEG, BMP, WEBP"),
        (b"\x80\x04\x95pickle", "is not a readable picture (PNG, JPEG, BMP, WEBP)"),
        (bytes(100), "is not a readable picture (PNG, JPEG, BMP, WEBP)"),
        (b"id,label\n1,2\n", "is not a readable picture (PNG, JPEG, BMP, WEBP)"),
    ],
)
def test_a_file_that_is_no_picture_is_called_what_it_is(data: bytes, said: str) -> None:
    with pytest.raises(DataError) as caught:
        decode_bytes(data)
    assert said in caught.value.message


def test_the_suffix_of_a_file_does_not_count() -> None:
    assert decode_bytes(WHOLE["webp"]).shape == (12, 15, 3)
