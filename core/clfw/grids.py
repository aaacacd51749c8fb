"""Grids of pictures with a caption each, as figures."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clfw.errors import printable
from clfw.figures import new_figure

CELL = 1.0  # inches, width of a picture
GAP = 0.12  # inches between pictures
LINE = 0.13  # inches, height of a caption's line
SIZE = 7  # points, of captions
LONGEST = 17  # characters of a caption's line, what fits over a picture
MARGIN = 0.15  # inches


def draw_grid(
    images: NDArray[np.uint8], captions: Sequence[str], title: str, columns: int = 10
) -> Any:
    """A figure with the pictures row by row, each under its caption.

    Args:
        images: (N, H, W, C) uint8, C 1 for grey or 3 for colour.
        captions: N texts, of one or more lines; too long a line is cut.
        columns: pictures in a row.
    """
    columns = max(1, min(columns, len(images)))
    texts = ["\n".join(printable(line, LONGEST) for line in c.split("\n")) for c in captions]
    over = LINE * max((text.count("\n") + 1 for text in texts), default=0) + 0.04
    step_x, step_y = CELL + GAP, CELL * images.shape[1] / images.shape[2] + over + GAP / 2
    head = 0.25 + 0.16 * title.count("\n")
    rows = -(-len(images) // columns)
    width = max(4.0, 2 * MARGIN + columns * step_x - GAP)
    height = 2 * MARGIN + head + rows * step_y
    figure = new_figure(width, height)
    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, 1))  # one for all, measured in inches: many take seconds
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.axis("off")
    axes.text(MARGIN, MARGIN, title, size=9, va="top", parse_math=False)
    for number, (image, text) in enumerate(zip(images, texts, strict=True)):
        x = MARGIN + number % columns * step_x
        y = MARGIN + head + number // columns * step_y + over
        below = y + step_y - over - GAP / 2
        shown = image[..., 0] if image.shape[2] == 1 else image
        extent = (x, x + CELL, below, y)
        axes.imshow(shown, cmap="gray", vmin=0, vmax=255, extent=extent, aspect="auto")
        axes.text(x + CELL / 2, y - 0.03, text, size=SIZE, ha="center", parse_math=False)
    axes.set(xlim=(0, width), ylim=(height, 0))  # imshow moves them
    return figure
