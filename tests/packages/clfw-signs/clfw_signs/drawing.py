"""Drawn signs: a round, a square or a pointed one in noise, each from its row's number alone."""

import io

import numpy
from PIL import Image, ImageDraw

from clfw import Table
from clfw_signs.params import DrawnSignsParams

SHAPES = ("pointed", "round", "square")
SIDE = 32  # pixels


class DrawnSource:
    """Encoded pictures, as a download would hold them."""

    def __init__(self, rows: int) -> None:
        self._rows = rows

    def identity(self) -> str:
        return f"drawn signs 1/{self._rows}"

    def table(self) -> Table:
        rows = range(self._rows)
        return Table(
            keys=[f"sign-{row}" for row in rows],
            labels=[SHAPES[row % 3] for row in rows],
            splits=[("train", "train", "train", "validation", "test")[row % 5] for row in rows],
            versions=[f"{self.identity()}/{row}" for row in rows],
            locations=[f"drawn:{row}" for row in rows],
            class_names=SHAPES,
        )

    def read(self, row: int) -> bytes:
        random = numpy.random.default_rng(row)
        noise = random.integers(0, 90, (SIDE, SIDE, 3), dtype=numpy.uint8)
        picture = Image.fromarray(noise)
        x, y = random.integers(2, 10, 2).tolist()
        box = (x, y, x + 18, y + 18)
        draw = ImageDraw.Draw(picture)
        color = tuple(random.integers(150, 255, 3).tolist())
        if row % 3 == 0:
            draw.polygon([(x, y + 18), (x + 18, y + 18), (x + 9, y)], fill=color)
        elif row % 3 == 1:
            draw.ellipse(box, fill=color)
        else:
            draw.rectangle(box, fill=color)
        file = io.BytesIO()
        picture.save(file, "PNG")
        return file.getvalue()


def open_drawn(params: DrawnSignsParams, path: None) -> DrawnSource:
    """The source without files."""
    return DrawnSource(params.rows)
