"""Decoders that are wrong on purpose; a campaign that misses one of them proves nothing."""

import io
import os
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageFile

from clfw.data.decoding import Pixels
from clfw.errors import DataError
from picture_kinds import all_kinds

Decoder = Callable[[bytes], Pixels]
END = b"\0\0\0\0IEND\xae\x42\x60\x82"


def swallowing(good: Decoder) -> Decoder:
    """Damage becomes a black picture."""

    def decode(data: bytes) -> Pixels:
        try:
            return good(data)
        except DataError:
            return np.zeros((12, 15, 1), np.uint8)

    return decode


def lenient(good: Decoder) -> Decoder:
    """Files that are cut off pass, as Pillow can be told to let them."""

    def decode(data: bytes) -> Pixels:
        ImageFile.LOAD_TRUNCATED_IMAGES = True
        try:
            return good(data)
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = False

    return decode


def overlooking(good: Decoder) -> Decoder:
    """What stands behind the pixels of a PNG is passed over where it is damaged."""

    def decode(data: bytes) -> Pixels:
        try:
            return good(data)
        except DataError:
            start = data.find(b"eXIf") - 4
            return good(data[:start] + END if start > 0 else data)

    return decode


def clipping(good: Decoder) -> Decoder:
    """16 bits end at 255."""

    def decode(data: bytes) -> Pixels:
        if data[24:26] != b"\x10\0":
            return good(data)
        with Image.open(io.BytesIO(data)) as picture:
            return np.minimum(np.asarray(picture), 255).astype(np.uint8)[:, :, None]

    return decode


def crashing(good: Decoder) -> Decoder:
    """Dies of whatever it does not know."""
    known = {kind.data for kind in all_kinds().values()}

    def decode(data: bytes) -> Pixels:
        return good(data) if data in known else os.abort()

    return decode


SABOTEURS: dict[str, Callable[[Decoder], Decoder]] = {
    saboteur.__name__: saboteur
    for saboteur in (swallowing, lenient, overlooking, clipping, crashing)
}
