"""Grids of captioned pictures, as figures."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from clfw.plots.figures import DPI, new_figure, wrapped
from clfw.text import escape

CELL = 1.0  # inches, width of a picture
GAP = 0.12  # inches between pictures
LINE = 0.13  # inches, height of a caption's line
SIZE = 7  # points, of captions
TITLE = 9  # points
MAX_LINE = 19  # characters of a caption's line that fit over a picture
MARGIN = 0.15  # inches


def draw_grid(
    images: NDArray[np.uint8],
    captions: Sequence[str],
    title: str,
    columns: int = 10,
    colors: Sequence[str] = (),
) -> Any:
    """A figure with the pictures row by row, each under its caption.

    Args:
        images: (N, H, W, C) uint8, C 1 for grey or 3 for colour.
        captions: N texts of one or more lines; long lines are cut.
        columns: pictures in a row.
        colors: of the captions; all black by default.
    """
    columns = max(1, min(columns, len(images)))
    texts = ["\n".join(escape(line, MAX_LINE) for line in c.split("\n")) for c in captions]
    over = LINE * max((text.count("\n") + 1 for text in texts), default=0) + 0.04
    tall = CELL * images.shape[1] / images.shape[2]
    rows = -(-len(images) // columns)
    width = max(4.0, 2 * MARGIN + columns * (CELL + GAP) - GAP)
    title = wrapped(title, width - 2 * MARGIN, TITLE)
    head = 0.25 + 0.16 * title.count("\n")
    height = 2 * MARGIN + head + rows * (tall + over + GAP / 2)
    figure = new_figure(width, height)
    axes = figure.add_axes((0, 0, 1, 1))  # one for all, in inches: one per picture takes seconds
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.axis("off")
    axes.text(MARGIN, MARGIN, title, size=TITLE, va="top", parse_math=False)
    page = np.full((round(height * DPI), round(width * DPI), 3), 255, np.uint8)
    caption_colors = colors or ["black"] * len(texts)
    for number, (image, text, color) in enumerate(zip(images, texts, caption_colors, strict=True)):
        x = MARGIN + number % columns * (CELL + GAP)
        y = MARGIN + head + number // columns * (tall + over + GAP / 2) + over
        paste(page, image, round(x * DPI), round(y * DPI))
        place = (x + CELL / 2, y - 0.03)
        axes.text(*place, text, size=SIZE, ha="center", color=color, parse_math=False)
    figure.add_artist(page_artist(page))  # one image for all, for the same reason
    return figure


def page_artist(page: NDArray[np.uint8]) -> Any:
    """An artist that puts (H, W, 3) pixels behind everything, from the figure's lower left corner.

    Pixel by pixel: matplotlib's own way resamples the whole page.
    """
    from matplotlib.artist import Artist

    class Page(Artist):
        def draw(self, renderer: Any) -> None:
            upwards = cv2.cvtColor(cv2.flip(page, 0), cv2.COLOR_RGB2RGBA)
            renderer.draw_image(renderer.new_gc(), 0, 0, upwards)

    artist = Page()
    artist.set_zorder(-1)
    return artist


def paste(page: NDArray[np.uint8], image: NDArray[np.uint8], left: int, top: int) -> None:
    """Copy a picture onto the page, `CELL` wide; enlarged pixels stay sharp squares."""
    wide = round(CELL * DPI)
    tall = max(1, round(wide * image.shape[0] / image.shape[1]))
    method = cv2.INTER_AREA if image.shape[1] > wide else cv2.INTER_NEAREST
    scaled = cv2.resize(np.ascontiguousarray(image), (wide, tall), interpolation=method)
    part = page[top : top + tall, left : left + wide]
    part[:] = np.atleast_3d(scaled)[: part.shape[0], : part.shape[1]]
