"""From encoded bytes to (H, W, C) uint8 pixels, exactly, by one set of rules for all uses.

The reference is Pillow. OpenCV is several times as fast and decodes 8-bit PNG and baseline or
progressive JPEG to the same bytes, so it is used for these once the file is known to be complete;
everything else goes to Pillow.
"""

import contextlib
import io
import re
import struct
import warnings
import zlib
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from clfw.api.preprocess import Preprocess
from clfw.data.resizing import Pixels, as_pixels, convert_channels, resize_to_input
from clfw.errors import DataError
from clfw.text import escape

FORMATS = ("PNG", "JPEG", "BMP", "WEBP")
MAX_PIXELS = 50_000_000
MAX_SCANS = 200  # of a JPEG, which has about ten; each takes as long as a picture and few bytes
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_PLAIN = {0: 1, 2: 3}  # colour type: channels, without palette or alpha
# Chunks that change no pixel, and those that must be there, with the length each must have.
_PNG_CHUNKS = {b"IHDR": 13, b"IDAT": None, b"IEND": 0, b"tEXt": None, b"tIME": 7} | {
    b"pHYs": 9, b"gAMA": 4, b"cHRM": 32, b"sRGB": 1,
}  # fmt: skip
_PNG_ROTATION = (b"exif", b"XML:", b"Raw ")  # text chunks where Pillow looks for a rotation
_JPEG_SCAN, _JPEG_APP1, _JPEG_PROGRESSIVE = 0xDA, 0xE1, 0xC2
_JPEG_FRAMES = frozenset({0xC0, 0xC1, 0xC2})  # baseline, extended, progressive
# Huffman and quantization tables, restart interval, comment, and APP0 to APP15 except Adobe's.
_JPEG_PLAIN = frozenset({0xC4, 0xDB, 0xDD, 0xFE, *range(0xE0, 0xF0)}) - {0xEE}
# In the scans of a progressive frame: any marker but tables, restarts, scans and comments.
_JPEG_UNUSUAL = re.compile(rb"\xff[^\x00\xc4\xd0-\xd7\xda\xdb\xdd\xfe\xff]")
# Other frames have one scan, with restarts.
_JPEG_UNUSUAL_BASELINE = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")

cv2.setNumThreads(1)  # pictures are decoded in parallel, so each one takes one thread


def decode(data: "bytes | NDArray[Any]", preprocess: Preprocess) -> Pixels:
    """The (H, W, C) uint8 input that `preprocess` asks for.

    Args:
        data: encoded bytes, or an (H, W) or (H, W, C) uint8 array.

    Raises:
        DataError: says what is wrong with the picture; the caller knows where it is.
    """
    pixels = checked_array(data) if isinstance(data, np.ndarray) else decode_bytes(data)
    return resize_to_input(convert_channels(pixels, preprocess.channels), preprocess)


def checked_array(array: NDArray[Any]) -> Pixels:
    """`array` as (H, W, C) uint8."""
    if array.dtype != np.uint8 or array.ndim not in (2, 3):
        raise DataError(
            f"a reader gave a {array.dtype} array of shape {array.shape}, not uint8 HWC"
        )
    if not array.size:
        raise DataError(f"no pixels: shape {array.shape}")
    return array if array.ndim == 3 else array[:, :, None]


def decode_bytes(data: bytes) -> Pixels:
    """(H, W, 1) or (H, W, 3) uint8 in the picture's own size and colours."""
    if data.startswith(b"\xff\xd8") and data.count(bytes([0xFF, _JPEG_SCAN])) > MAX_SCANS:
        raise DataError(f"a JPEG of more than {MAX_SCANS} scans")
    if data.startswith(PNG_SIGNATURE):
        channels = is_plain_png(data)
        if channels:
            decoded = fast_decode(data, cv2.IMREAD_UNCHANGED)
            if decoded is not None and decoded.dtype == np.uint8:
                if channels == 1:
                    return as_pixels(decoded)
                return as_pixels(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB))
    elif data.startswith(b"\xff\xd8\xff") and is_plain_jpeg(data):
        decoded = fast_decode(data, cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
        if decoded is not None:
            return as_pixels(decoded)
    return decode_with_pillow(data)


def fast_decode(data: bytes, flags: int) -> Any:
    """What OpenCV decodes; None if it fails, as on a damaged file."""
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        return None


def is_plain_png(data: bytes) -> int:
    """Channels of a complete 8-bit greyscale or RGB PNG without transparency; 0 for any other.

    Walks the chunks and verifies each checksum, which OpenCV does not.
    """
    if len(data) < 33:
        return 0
    width, height, depth, color = struct.unpack(">IIBB", data[16:26])
    if depth != 8 or color not in _PNG_PLAIN or not 0 < width * height <= MAX_PIXELS:
        return 0
    position, end = 8, len(data)
    while position + 12 <= end:
        (length,) = struct.unpack_from(">I", data, position)
        kind = data[position + 4 : position + 8]
        stop = position + 8 + length
        if stop + 4 > end or _PNG_CHUNKS.get(kind, -1) not in (None, length):
            return 0
        if kind == b"tEXt" and data[position + 8 : position + 12] in _PNG_ROTATION:
            return 0
        if zlib.crc32(data[position + 4 : stop]) != int.from_bytes(data[stop : stop + 4], "big"):
            return 0
        if kind == b"IEND":
            return _PNG_PLAIN[color]
        position = stop + 4
    return 0


def png_fault(data: bytes) -> str:
    """What is wrong with the chunks of a PNG, or ""; Pillow ignores those after the pixels."""
    position, end = len(PNG_SIGNATURE), len(data)
    while position + 12 <= end:
        (length,) = struct.unpack_from(">I", data, position)
        kind, stop = data[position + 4 : position + 8], position + 8 + length
        if stop + 4 > end:
            break
        if zlib.crc32(data[position + 4 : stop]) != int.from_bytes(data[stop : stop + 4], "big"):
            return f"the checksum of chunk {escape(kind.decode('latin-1'))} differs"
        if kind == b"IEND":
            return ""
        position = stop + 4
    return "it is truncated"


def is_plain_jpeg(data: bytes) -> bool:
    """Whether a JPEG ends as it should and has three 8-bit components, no rotation, a sane size.

    Walks the segments before the first scan; anything unusual there is left to Pillow.
    """
    if data[-2:] != b"\xff\xd9":
        return False
    position, frame = 2, 0
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        body = data[position + 4 : position + 2 + length]
        if marker == _JPEG_SCAN:
            unusual = _JPEG_UNUSUAL if frame == _JPEG_PROGRESSIVE else _JPEG_UNUSUAL_BASELINE
            return bool(frame) and not unusual.search(data, position + 2 + length, len(data) - 2)
        if marker in _JPEG_FRAMES:
            if frame or len(body) < 6:
                return False
            depth, height, width, components = struct.unpack(">BHHB", body[:6])
            frame = marker
            if depth != 8 or components != 3 or not 0 < height * width <= MAX_PIXELS:
                return False
        elif marker not in _JPEG_PLAIN or length < 2 or may_rotate(marker, body):
            return False
        position += 2 + length
    return False


def may_rotate(marker: int, body: bytes) -> bool:
    """Whether a JPEG segment may say that the picture is to be rotated: Exif, or XMP that does."""
    return marker == _JPEG_APP1 and (body.startswith(b"Exif\0\0") or b"Orientation" in body)


def decode_with_pillow(data: bytes) -> Pixels:
    """Decode with Pillow: any supported format and mode; every fault is named."""
    from PIL import Image, UnidentifiedImageError

    if not data:
        raise DataError("the file is empty")
    if data.startswith(PNG_SIGNATURE) and (fault := png_fault(data)):
        raise DataError(f"does not decode: {fault}")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise too_large(f"{picture.width}x{picture.height}")
            wide = picture.format == "PNG" and data[24:26] == b"\x10\x02"  # 16 bits, RGB
            if wide and "transparency" in picture.info:
                raise DataError("a transparent colour of 16 bits; save it with an alpha channel")
            picture.load()
            return decode_picture(picture)
    except DataError:
        raise
    except Image.DecompressionBombError as error:  # Pillow's own, higher limit
        raise too_large("".join(re.findall(r"\d+", str(error))[:1])) from None
    except UnidentifiedImageError:
        known = f"is not a readable picture ({', '.join(FORMATS)})"
        raise DataError(looks_like(data) or known) from None
    except Exception as error:  # Pillow's decoders raise many types, even SyntaxError
        raise DataError(looks_like(data) or f"does not decode: {escape(str(error))}") from None


def decode_picture(picture: Any) -> Pixels:
    """(H, W, 1) or (H, W, 3) uint8 of a Pillow picture, upright as its Exif says.

    Raises:
        DataError: it is no Pillow picture, or its pixels have no defined range.
    """
    from PIL import Image, ImageOps

    if not isinstance(picture, Image.Image):
        raise DataError(
            f"is a {type(picture).__name__}: give a path, bytes, a PIL image or a uint8 array"
        )
    upright = ImageOps.exif_transpose(picture)
    return mode_to_pixels(upright)


def too_large(pixels: str) -> DataError:
    """The error for an image with more pixels than will be decoded."""
    return DataError(f"{pixels} pixels, over the limit of {MAX_PIXELS // 1_000_000} million")


@contextlib.contextmanager
def silence_pillow() -> Iterator[None]:
    """Silences Pillow's warnings: bombs are refused by size here, and the rest is noise.

    Only for the thread that starts the decoding threads: warning filters are global, and threads that
    each set and reset them would leave them in a random state.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="PIL")
        yield


def looks_like(data: bytes) -> str:
    """What a file that is not a picture looks like, or ""."""
    head = data[:512].lstrip().lower()
    if head.startswith((b"<!doctype html", b"<html", b"<?xml", b"<svg")):
        return "is a web page, not a picture"
    if head.startswith(b"version https://git-lfs"):
        return "is a Git LFS pointer, not a picture"
    if head.startswith((b"gif8", b"%pdf", b"pk\x03\x04", b"ii*\0", b"mm\0*")):
        return f"is not one of {', '.join(FORMATS)}"
    return ""


def mode_to_pixels(picture: Any) -> Pixels:
    """(H, W, 1) or (H, W, 3) uint8 from a Pillow picture of any mode.

    16-bit grey is scaled by 1/257 and rounded; transparent parts become white.
    """
    if picture.mode in ("I;16", "I;16B", "I;16L", "I"):
        return wide_to_pixels(np.asarray(picture), picture.info.get("transparency"))
    if picture.mode == "F":
        raise DataError("floating-point pixels have no defined range; save it with 8 or 16 bits")
    if picture.mode in ("LA", "PA", "RGBA", "RGBa") or "transparency" in picture.info:
        from PIL import Image

        gray = picture.mode == "LA"
        picture = picture.convert("RGBA")
        canvas = Image.new("RGBA", picture.size, "white")
        canvas.alpha_composite(picture)
        picture = canvas.convert("L" if gray else "RGB")
    if picture.mode == "1":
        picture = picture.convert("L")
    if picture.mode != "L":
        picture = picture.convert("RGB")
    pixels: Pixels = np.array(picture, dtype=np.uint8)
    return as_pixels(pixels)


def wide_to_pixels(wide: NDArray[Any], transparent: int | None) -> Pixels:
    """(H, W, 1) uint8 from (H, W) grey levels of 16 bits, one of which may mean transparent."""
    if wide.min() < 0 or wide.max() > 65535:
        raise DataError("grey levels outside 0 to 65535")
    scaled = wide.astype(np.uint32)
    scaled += 128
    scaled //= 257
    pixels = scaled.astype(np.uint8)
    if transparent is not None:
        pixels[wide == transparent] = 255
    return pixels[:, :, None]
