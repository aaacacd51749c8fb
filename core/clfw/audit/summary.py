"""What a dataset holds, in numbers: splits, classes, formats, sizes, brightness."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from clfw.api.source import SPLITS
from clfw.audit.duplicates import Group
from clfw.audit.image_scan import ScannedImages
from clfw.data.rows import LEFT_OUT, Rows

EDGES = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096)  # pixels of the longer side


def dataset_summary(scan: ScannedImages, rows: Rows, groups: Sequence[Group]) -> dict[str, Any]:
    """The summary of the rows that are not left out; `groups` are rows of equal pictures."""
    return {
        "pictures": int((rows.split != LEFT_OUT).sum()),
        "left_out": len(rows.left_out),
        "splits": {split: per_class(rows, split) for split in SPLITS},
        "formats": formats(scan, rows),
        "sizes": sizes(scan, rows),
        "equal": equal(scan, groups),
        **levels(scan, rows),
    }


def per_class(rows: Rows, split: str) -> dict[str, Any]:
    """Number of pictures of a split: in total, without a label, of every class."""
    targets = Counter(rows.targets[rows.of(split)].tolist())
    classes = {name: targets[k] for k, name in enumerate(rows.classes)}
    return {"pictures": targets.total(), "without_label": targets[-1], "classes": classes}


def formats(scan: ScannedImages, rows: Rows) -> dict[str, int]:
    """Number of pictures by format and mode, such as "JPEG RGB"; the most frequent first."""
    seen = scan.pictures[(scan.pictures["form"] != "") & (rows.split != LEFT_OUT)]
    pairs = zip(seen["form"].tolist(), seen["mode"].tolist(), strict=True)
    return dict(Counter(f"{form} {mode}" for form, mode in pairs).most_common())


def equal(scan: ScannedImages, groups: Sequence[Group]) -> dict[str, int]:
    """Number of groups of equal pictures, of pictures in them, and of groups with identical files."""
    contents = scan.pictures["content"]
    same_files = sum(len({contents[row].tobytes() for row in group}) == 1 for group in groups)
    return {
        "groups": len(groups),
        "pictures": sum(map(len, groups)),
        "groups_of_equal_files": same_files,
    }


def sizes(scan: ScannedImages, rows: Rows) -> dict[str, Any]:
    """The smallest, the median and the largest side, and a histogram of the longer side."""
    seen = scan.pictures[(scan.pictures["form"] != "") & (rows.split != LEFT_OUT)]
    if not len(seen):
        return {}
    longer = np.maximum(seen["height"], seen["width"])
    bins = np.bincount(np.searchsorted(EDGES, longer, side="right"), minlength=len(EDGES) + 1)
    names = [f"under {EDGES[0]}"]
    names += [f"{low} to {high - 1}" for low, high in pairwise(EDGES)]
    names.append(f"{EDGES[-1]} and more")
    return {
        side: {
            "least": int(seen[side].min()),
            "median": int(np.median(seen[side])),
            "most": int(seen[side].max()),
        }
        for side in ("height", "width")
    } | {"longer_side": {name: n for name, n in zip(names, bins.tolist(), strict=True) if n}}


def levels(scan: ScannedImages, rows: Rows) -> dict[str, list[float]]:
    """Mean and standard deviation per channel, of pixels over 255, each picture counting the same.

    Of the training pictures at full size; a run measures them at the size of its input.
    """
    pictures = scan.pictures[rows.of("train")]
    pictures = pictures[pictures["form"] != ""]
    if not len(pictures):
        return {"mean": [], "std": []}
    channels = int(pictures["channels"].max())
    mean = pictures["mean"].mean(axis=0)[:channels]
    variance = pictures["square"].mean(axis=0)[:channels] - mean**2
    return {
        "mean": [round(float(value), 4) for value in mean],
        "std": [round(float(value), 4) for value in np.sqrt(np.maximum(variance, 0))],
    }
