"""What size and colour a network's input should have: a look at training pictures of every class."""

from dataclasses import dataclass
from statistics import median

import numpy as np

from clfw.api.preprocess import Preprocess
from clfw.data.decoding import checked_array, decode_bytes, silence_pillow
from clfw.data.opening import OpenedDataset

MAX_NATURAL_SIDE = 64  # pixels; larger pictures are scaled to DEFAULT_SIDE
DEFAULT_SIDE = 128
LOOKED_AT = 128  # pictures in all, and at least PER_CLASS of each class
PER_CLASS = 2
FAR_APART = 4  # times as large: pictures of such sizes lie uneasily in one input
MIXED = 0.1  # share of grey or of colour pictures above which both are many


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageSurvey:
    """The pictures that were looked at.

    Attributes:
        sizes: (height, width) of each, pixels.
        gray, color: how many have one channel, and how many three.
    """

    sizes: tuple[tuple[int, int], ...]
    gray: int
    color: int

    @property
    def channels(self) -> int:
        """3 if any picture is in colour, else 1."""
        return 3 if self.color else 1

    @property
    def median_size(self) -> tuple[int, int]:
        """The median height and the median width, pixels."""
        heights, widths = zip(*self.sizes, strict=True)
        return round(median(heights)), round(median(widths))

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the input: the median where that is small, else a square of 128."""
        if not self.sizes or max(self.median_size) > MAX_NATURAL_SIDE:
            return DEFAULT_SIDE, DEFAULT_SIDE
        return self.median_size

    def notes(self, preprocess: Preprocess) -> list[str]:
        """The rule that gave the size, where pictures change theirs; warnings where they differ much."""
        lines = []
        if set(self.sizes) - {(preprocess.height, preprocess.width)}:
            height, width = self.median_size
            lines.append(
                f"size    {preprocess.height}x{preprocess.width} for pictures of {height}x{width} "
                "in the median; --set data.image_size=SIDE for another"
            )
        areas = [height * width for height, width in self.sizes] or [1]
        if max(areas) > FAR_APART**2 * min(areas):
            smallest, largest = (
                self.sizes[areas.index(min(areas))],
                self.sizes[areas.index(max(areas))],
            )
            lines.append(
                "warning: the pictures differ much in size, from "
                f"{smallest[0]}x{smallest[1]} to {largest[0]}x{largest[1]}"
            )
        if min(self.gray, self.color) > MIXED * len(self.sizes):
            lines.append(
                f"warning: of {len(self.sizes)} pictures looked at, {self.gray} are grey and "
                f"{self.color} in colour"
            )
        return lines


def survey_images(opened: OpenedDataset) -> ImageSurvey:
    """Look at training pictures spread evenly over each class; those that do not decode are passed over."""
    sizes, gray = [], 0
    for row in spread_rows(opened):
        try:
            data = opened.source.read(row)
            with silence_pillow():
                pixels = checked_array(data) if isinstance(data, np.ndarray) else decode_bytes(data)
        except Exception:
            continue  # bad pictures are reported when all are decoded
        sizes.append((pixels.shape[0], pixels.shape[1]))
        gray += pixels.shape[2] == 1
    return ImageSurvey(sizes=tuple(sizes), gray=gray, color=len(sizes) - gray)


def spread_rows(opened: OpenedDataset) -> list[int]:
    """Training rows of every class, evenly from its first to its last; unlabeled rows are one class."""
    rows = opened.rows.of("train")
    targets = opened.rows.targets[rows]
    classes = np.unique(targets)
    each = max(PER_CLASS, LOOKED_AT // max(1, len(classes)))
    chosen = []
    for k in classes:
        own = rows[targets == k]
        places = np.linspace(0, len(own) - 1, min(each, len(own)))
        chosen += own[np.unique(places.astype(np.int64))].tolist()
    return sorted(chosen)
