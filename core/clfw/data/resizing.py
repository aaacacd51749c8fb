"""Pixels brought to the channels and the size of a network's input. No files here."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from clfw.api.preprocess import Preprocess
from clfw.errors import DataError

Pixels = NDArray[np.uint8]


def as_pixels(array: Any) -> Pixels:
    """`array` with a channel axis."""
    pixels: Pixels = array
    return pixels if pixels.ndim == 3 else pixels[:, :, None]


def convert_channels(pixels: Pixels, channels: int) -> Pixels:
    """(H, W, `channels`): grey is repeated; colour becomes ITU-R 601 luma, as in Pillow."""
    if pixels.shape[2] == channels:
        return pixels
    if channels == 3 and pixels.shape[2] == 1:
        return np.repeat(pixels, 3, axis=2)
    if channels == 1 and pixels.shape[2] == 3:
        weights = np.array([19595, 38470, 7471], dtype=np.uint32)
        luma = (pixels.astype(np.uint32) @ weights + 0x8000) >> 16
        return luma.astype(np.uint8)[:, :, None]
    raise DataError(f"{pixels.shape[2]} channels, expected 1 or 3")


def resize_to_input(pixels: Pixels, preprocess: Preprocess) -> Pixels:
    """`pixels` at the input size; area averaging to shrink, bilinear to enlarge."""
    height, width = preprocess.height, preprocess.width
    if pixels.shape[:2] == (height, width):
        return pixels
    if preprocess.fit == "crop":
        return resize(center_crop(pixels, height, width), height, width)
    if preprocess.fit == "squash":
        return resize(pixels, height, width)
    scale = min(height / pixels.shape[0], width / pixels.shape[1])
    inner_height = max(1, round(pixels.shape[0] * scale))
    inner_width = max(1, round(pixels.shape[1] * scale))
    canvas = np.zeros((height, width, pixels.shape[2]), np.uint8)
    top, left = (height - inner_height) // 2, (width - inner_width) // 2
    inner = resize(pixels, inner_height, inner_width)
    canvas[top : top + inner_height, left : left + inner_width] = inner
    return canvas


def center_crop(pixels: Pixels, height: int, width: int) -> Pixels:
    """The largest centred part of `pixels` with the aspect ratio height:width."""
    scale = min(pixels.shape[0] / height, pixels.shape[1] / width)
    cut_height = max(1, min(pixels.shape[0], round(height * scale)))
    cut_width = max(1, min(pixels.shape[1], round(width * scale)))
    top = (pixels.shape[0] - cut_height) // 2
    left = (pixels.shape[1] - cut_width) // 2
    return pixels[top : top + cut_height, left : left + cut_width]


def resize(pixels: Pixels, height: int, width: int) -> Pixels:
    """`pixels` scaled to (height, width): first the sides that shrink, then the others."""
    smaller = (min(height, pixels.shape[0]), min(width, pixels.shape[1]))
    for size, method in ((smaller, cv2.INTER_AREA), ((height, width), cv2.INTER_LINEAR)):
        if pixels.shape[:2] != size:
            scaled = cv2.resize(np.ascontiguousarray(pixels), size[::-1], interpolation=method)
            pixels = as_pixels(scaled)
    return pixels
