"""One small picture of every format and mode that clfw decodes, with the pixels that it means."""

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from encoded import (
    Pixels,
    chunks_of,
    encoded,
    interlaced_png,
    noise,
    png_header,
    png_of,
    soft,
    turned_jpeg,
)

HEIGHT, WIDTH = 12, 15
TURNS: dict[int, Callable[[Pixels], Pixels]] = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.swapaxes(0, 1),
    6: lambda p: p.swapaxes(0, 1)[:, ::-1],
    7: lambda p: p[::-1, ::-1].swapaxes(0, 1),
    8: lambda p: p.swapaxes(0, 1)[::-1],
}
XMP = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'


@dataclass(frozen=True)
class Kind:
    """A file and the pixels that it means, worked out without clfw.

    Attributes:
        form: "PNG", "JPEG", "BMP" or "WEBP".
        off: levels by which the decoded pixels may be off: 1 where colours are mixed.
    """

    form: str
    data: bytes
    pixels: Pixels
    off: int = 0


def raw_png(rows: NDArray[np.uint8], width: int, depth: int, color: int, *more: bytes) -> bytes:
    """A PNG of (H, bytes) packed rows; `more` are pairs of chunk type and body."""
    height = len(rows)
    lines = b"".join(b"\0" + row.tobytes() for row in rows)
    extra = list(zip(more[::2], more[1::2], strict=True))
    header = (b"IHDR", png_header(width, height, depth, color))
    return png_of([header, *extra, (b"IDAT", zlib.compress(lines)), (b"IEND", b"")])


def packed(levels: Pixels, depth: int) -> NDArray[np.uint8]:
    """(H, W) levels of `depth` bits as (H, bytes)."""
    bits = np.unpackbits(levels[:, :, None], axis=2)[:, :, 8 - depth :]
    return np.packbits(bits.reshape(len(levels), -1), axis=1)


def over_white(color: Pixels, alpha: NDArray[np.uint8]) -> Pixels:
    """Colour on a white page, rounded."""
    share = alpha.astype(float)[:, :, None] / 255
    return np.round(color * share + 255 * (1 - share)).astype(np.uint8)


def gray_of_depth(depth: int) -> Kind:
    levels = noise(HEIGHT, WIDTH, 1) >> (8 - depth)
    pixels = (levels * (255 // (2**depth - 1))).astype(np.uint8)
    return Kind("PNG", raw_png(packed(levels, depth), WIDTH, depth, 0), pixels)


def palette_of_depth(depth: int, transparent: bool = False) -> Kind:
    index = noise(HEIGHT, WIDTH, 1) >> (8 - depth)
    colors = noise(1, 2**depth, seed=1)[0]
    alpha = noise(1, 2**depth, 1, seed=2)[0]
    more = [b"tRNS", alpha.tobytes()] if transparent else []
    data = raw_png(packed(index, depth), WIDTH, depth, 3, b"PLTE", colors.tobytes(), *more)
    pixels = colors[index]
    if transparent:
        return Kind("PNG", data, over_white(pixels, alpha[index]), 1)
    return Kind("PNG", data, pixels)


def deep(channels: int, color: int) -> Kind:
    """16 bits a value: grey is divided by 257, of colours the upper byte counts."""
    values = np.random.default_rng(5).integers(0, 65536, (HEIGHT, WIDTH, channels))
    rows = values.astype(">u2").reshape(HEIGHT, -1).view(np.uint8)
    data = raw_png(rows, WIDTH, 16, color)
    if channels == 1:
        return Kind("PNG", data, np.round(values / 257).astype(np.uint8))
    upper = (values >> 8).astype(np.uint8)
    if channels == 2:
        upper = upper[:, :, [0, 0, 0, 1]]
    if channels in (2, 4):
        return Kind("PNG", data, over_white(upper[:, :, :3], upper[:, :, 3]), 1)
    return Kind("PNG", data, upper)


def deep_with_a_hole() -> Kind:
    """16 bits a value, one of which stands for transparent; another has the same upper byte."""
    values = np.random.default_rng(6).integers(0, 65536, (HEIGHT, WIDTH))
    values[:3], values[3:6] = 0x1234, 0x1256
    rows = values.astype(">u2").view(np.uint8)
    pixels = np.where(values == 0x1234, 255, np.round(values / 257)).astype(np.uint8)
    return Kind("PNG", raw_png(rows, WIDTH, 16, 0, b"tRNS", b"\x12\x34"), pixels)


def png_kinds() -> dict[str, Kind]:
    gray, color = noise(HEIGHT, WIDTH, 1), noise(HEIGHT, WIDTH)
    alpha = noise(HEIGHT, WIDTH, 1, seed=1)
    hole = gray == gray[0, 0]
    holed = color.copy()
    holed[2:5] = (10, 20, 30)
    frames = [Image.fromarray(noise(HEIGHT, WIDTH, seed=n)) for n in (3, 4)]
    kinds = {
        "grey": Kind("PNG", encoded(gray, "PNG"), gray),
        "colour": Kind("PNG", encoded(color, "PNG"), color),
        "soft colour": Kind("PNG", encoded(soft(40, 50), "PNG"), soft(40, 50)),
        "stored": Kind("PNG", encoded(color, "PNG", compress_level=0), color),
        "one pixel": Kind("PNG", encoded(gray[:1, :1], "PNG"), gray[:1, :1]),
        "with texts": Kind(
            "PNG", png_of([chunks_of(encoded(gray, "PNG"))[0], (b"tEXt", b"Title\0x"),
                           *chunks_of(encoded(gray, "PNG"))[1:]]), gray),
        "grey and alpha": Kind(
            "PNG", encoded(np.dstack([gray, alpha]), "PNG"), over_white(gray[:, :, None], alpha), 1),
        "colour and alpha": Kind(
            "PNG", encoded(np.dstack([color, alpha]), "PNG"), over_white(color, alpha), 1),
        "grey with a hole": Kind(
            "PNG", encoded(gray, "PNG", transparency=int(gray[0, 0])),
            np.where(hole, 255, gray)[:, :, None].repeat(3, 2).astype(np.uint8)),
        "colour with a hole": Kind(
            "PNG", encoded(holed, "PNG", transparency=(10, 20, 30)),
            np.where((holed == (10, 20, 30)).all(2)[:, :, None], 255, holed).astype(np.uint8)),
        "16 bit grey with a hole": deep_with_a_hole(),
        "interlaced grey": Kind("PNG", interlaced_png(gray), gray),
        "interlaced colour": Kind("PNG", interlaced_png(color), color),
        "animated": Kind(
            "PNG", encoded(color, "PNG", save_all=True, append_images=frames), color),
        "16 bit grey": deep(1, 0), "16 bit colour": deep(3, 2),
        "16 bit grey and alpha": deep(2, 4), "16 bit colour and alpha": deep(4, 6),
    }  # fmt: skip
    for depth in (1, 2, 4):
        kinds[f"{depth} bit grey"] = gray_of_depth(depth)
    for depth in (1, 2, 4, 8):
        kinds[f"{depth} bit palette"] = palette_of_depth(depth)
    kinds["palette and alpha"] = palette_of_depth(4, transparent=True)
    for turn in (3, 6):
        exif = Image.Exif()
        exif[0x0112] = turn
        turned = encoded(color, "PNG", exif=exif)
        kinds[f"exif {turn}"] = Kind("PNG", turned, TURNS[turn](color))
        told = [chunk for chunk in chunks_of(turned) if chunk[0] == b"eXIf"]
        others = [chunk for chunk in chunks_of(turned) if chunk[0] != b"eXIf"]
        behind = png_of([*others[:-1], *told, others[-1]])
        kinds[f"exif {turn} behind the pixels"] = Kind("PNG", behind, TURNS[turn](color))
    return {f"png, {name}": kind for name, kind in kinds.items()}


def pillows(data: bytes) -> Pixels:
    """What Pillow makes of a file without any turning."""
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(picture if picture.mode == "L" else picture.convert("RGB"))


def jpeg_kinds() -> dict[str, Kind]:
    picture, grain = soft(24, 30), noise(24, 30)
    exif = Image.Exif()
    exif[0x0112] = 6
    files = {
        "444": encoded(picture, "JPEG", quality=90, subsampling=0),
        "422": encoded(grain, "JPEG", quality=80, subsampling=1),
        "420": encoded(picture, "JPEG", quality=70, subsampling=2),
        "progressive": encoded(grain, "JPEG", quality=80, progressive=True),
        "with restarts": encoded(grain, "JPEG", restart_marker_blocks=1),
        "grey": encoded(Image.fromarray(picture).convert("L"), "JPEG"),
        "cmyk": encoded(Image.fromarray(picture).convert("CMYK"), "JPEG", quality=90),
        "rgb": encoded(picture, "JPEG", keep_rgb=True, subsampling=0),
        "with a comment and a profile": encoded(
            picture, "JPEG", comment=b"a comment", icc_profile=b"p" * 300
        ),
    }
    kinds = {name: Kind("JPEG", data, pillows(data)) for name, data in files.items()}
    for turn, act in TURNS.items():
        data = turned_jpeg(picture, turn, before=50 * turn)
        kinds[f"exif {turn}"] = Kind("JPEG", data, act(pillows(data)))
    data = encoded(picture, "JPEG", xmp=XMP.encode())
    kinds["xmp 6"] = Kind("JPEG", data, TURNS[6](pillows(data)))
    return {f"jpeg, {name}": kind for name, kind in kinds.items()}


def raw_bmp(body: bytes, width: int, height: int, bits: int, packing: int, table: bytes) -> bytes:
    """A BMP file with a header of 40 bytes; rows run upwards where `height` is positive."""
    start = 54 + len(table)
    return (
        b"BM" + struct.pack("<IHHI", start + len(body), 0, 0, start)
        + struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, packing, len(body), 0, 0, 0, 0)
        + table + body
    )  # fmt: skip


def bmp_kinds() -> dict[str, Kind]:
    color, gray = noise(HEIGHT, WIDTH), noise(HEIGHT, WIDTH, 1)
    black = (gray > 127).astype(np.uint8) * 255
    colors = noise(1, 256, seed=1)[0]
    table = np.dstack([colors[None, :, ::-1], np.zeros((1, 256, 1), np.uint8)]).tobytes()
    padded = np.pad(color[:, :, ::-1].reshape(HEIGHT, -1), ((0, 0), (0, 3 * WIDTH % 4 and 3)))
    runs = b"".join(
        b"".join(bytes([1, level]) for level in row) + b"\0\0" for row in gray[::-1].tolist()
    )
    five = noise(HEIGHT, 16) >> 3
    words = (five[:, :, 0].astype("<u2") << 10) | (five[:, :, 1].astype("<u2") << 5) | five[:, :, 2]
    kinds = {
        "colour": Kind("BMP", encoded(color, "BMP"), color),
        "grey": Kind("BMP", encoded(gray, "BMP"), gray),
        "one bit": Kind("BMP", encoded(Image.fromarray(gray > 127), "BMP"), black),
        "palette": Kind(
            "BMP", raw_bmp(np.pad(gray[::-1], ((0, 0), (0, 1))).tobytes(), WIDTH, HEIGHT, 8, 0, table),
            colors[gray]),
        "runs": Kind("BMP", raw_bmp(runs + b"\0\1", WIDTH, HEIGHT, 8, 1, table), colors[gray]),
        "upside down": Kind("BMP", raw_bmp(padded.tobytes(), WIDTH, -HEIGHT, 24, 0, b""), color),
        "16 bit": Kind(
            "BMP", raw_bmp(words[::-1].tobytes(), 16, HEIGHT, 16, 0, b""),
            (five.astype(int) * 255 // 31).astype(np.uint8), 1),
    }  # fmt: skip
    return {f"bmp, {name}": kind for name, kind in kinds.items()}


def webp_kinds() -> dict[str, Kind]:
    color, alpha = noise(HEIGHT, WIDTH), noise(HEIGHT, WIDTH, 1, seed=1)
    picture = soft(24, 30)
    frames = [Image.fromarray(noise(HEIGHT, WIDTH, seed=n)) for n in (3, 4)]
    exif = Image.Exif()
    exif[0x0112] = 6
    lossy = encoded(picture, "WEBP", quality=70)
    seen = np.dstack([color, np.maximum(alpha, 1)])  # what is unseen may change its colour
    kinds = {
        "lossy": Kind("WEBP", lossy, pillows(lossy)),
        "lossless": Kind("WEBP", encoded(color, "WEBP", lossless=True), color),
        "alpha": Kind(
            "WEBP", encoded(seen, "WEBP", lossless=True), over_white(color, seen[:, :, 3]), 1),
        "animated": Kind(
            "WEBP", encoded(color, "WEBP", save_all=True, append_images=frames, lossless=True),
            color),
        "exif 6": Kind(
            "WEBP", encoded(color, "WEBP", lossless=True, exif=exif), TURNS[6](color)),
    }  # fmt: skip
    return {f"webp, {name}": kind for name, kind in kinds.items()}


@cache
def all_kinds() -> dict[str, Kind]:
    """Every kind by name."""
    return png_kinds() | jpeg_kinds() | bmp_kinds() | webp_kinds()
