"""Photographs to inputs of one size: clfw's first pass into its cache against PIL and torchvision.

    python benchmarks/photographs.py

Both read the same bytes, cut the same centre out and scale it by the same kind of filter: by area
where it shrinks, linearly where it grows. The other side does it in one process, as a Dataset would;
clfw also writes its cache and hashes every pixel. How far each side is from exact averages over areas
is stated: Pillow's box takes whole pixels in or leaves them out, where an exact average takes parts.
"""

import io
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional

from clfw.api.preprocess import Preprocess
from clfw.data.negotiation import natural_preprocess
from clfw.data.opening import OpenedDataset
from clfw.data.pixels import open_pixels
from environment import own_cache
from pictures import opened_data
from timing import Comparison, interleaved, parser, report, timed

ENTRIES = ("animals3", "hymenoptera")
SIDES = (128, 224)


def opened_image(data: "bytes | NDArray[np.uint8]") -> Image.Image:
    """RGB, by Pillow."""
    image = Image.fromarray(data) if isinstance(data, np.ndarray) else Image.open(io.BytesIO(data))
    return image.convert("RGB")


def center(image: Image.Image) -> tuple[int, int, int]:
    """(top, left, side) of the largest square in the middle."""
    cut = min(image.size)
    return (image.height - cut) // 2, (image.width - cut) // 2, cut


def by_torchvision(image: Image.Image, side: int) -> NDArray[np.uint8]:
    """(side, side, 3) uint8: cut, scaled, converted."""
    top, left, cut = center(image)
    method = InterpolationMode.BOX if cut > side else InterpolationMode.BILINEAR
    scaled = functional.resized_crop(image, top, left, cut, cut, [side, side], method)
    tensor: torch.Tensor = functional.pil_to_tensor(scaled)
    return tensor.permute(1, 2, 0).numpy()


def by_clfw(opened: OpenedDataset, rows: NDArray[np.int64], preprocess: Preprocess) -> float:
    """Seconds of the first pass into a new cache."""
    table = opened.rows.table
    with own_cache():
        return timed(lambda: open_pixels(opened.source, table, rows, preprocess, lambda n: None))


def by_definition(image: Image.Image, side: int) -> NDArray[np.float64]:
    """(side, side, 3): exact averages over areas; `side` is at most the image's own."""
    top, left, cut = center(image)
    edges, places = np.arange(side + 1) * cut / side, np.arange(cut)
    ends = np.minimum(edges[1:, None], places + 1)
    shares = np.clip(ends - np.maximum(edges[:-1, None], places), 0, None) * side / cut
    square = np.asarray(image, np.float64)[top : top + cut, left : left + cut]
    return np.einsum("yh,hwc,xw->yxc", shares, square, shares, optimize=True)


def differences(
    opened: OpenedDataset, rows: NDArray[np.int64], preprocess: Preprocess
) -> tuple[float, float, int]:
    """The greatest difference of clfw's values, and of the others', from exact averages.

    Over the pictures that shrink; their number is the third.
    """
    side, count = preprocess.height, 0
    mine = theirs = 0.0
    with own_cache():
        store = open_pixels(opened.source, opened.rows.table, rows, preprocess, lambda n: None)
        for row, pixels in zip(rows.tolist(), store.images, strict=True):
            image = opened_image(opened.source.read(row))
            if min(image.size) <= side:
                continue
            exact = by_definition(image, side)
            mine = max(mine, float(np.abs(pixels - exact).max()))
            theirs = max(theirs, float(np.abs(by_torchvision(image, side) - exact).max()))
            count += 1
    return mine, theirs, count


def compare(opened: OpenedDataset, entry: str, side: int, most: int, pairs: int) -> Comparison:
    """One set at one size."""
    preprocess = natural_preprocess(opened, opened.choice.common)
    count = len(opened.rows.targets)
    rows = np.unique(np.linspace(0, count - 1, min(most, count)).astype(np.int64))

    def theirs() -> None:
        for row in rows.tolist():
            by_torchvision(opened_image(opened.source.read(row)), side)

    a, b = interleaved(
        lambda: by_clfw(opened, rows, preprocess), lambda: timed(theirs), pairs=pairs
    )
    mine, others, shrunk = differences(opened, rows, preprocess)
    return Comparison(
        work=f"{entry} to {side} pixels",
        against="PIL + torchvision",
        unit="images/s",
        form="ours / theirs",
        goal="at least",
        target=2,
        ours=[len(rows) / seconds for seconds in a],
        theirs=[len(rows) / seconds for seconds in b],
        notes=(
            f"{entry}, {side}: {len(rows):,} pictures; greatest difference of a value (0 to 255) from "
            f"exact averages over the {shrunk:,} that shrink: clfw {mine:.1f}, PIL {others:.1f}",
        ),
        source=opened.choice.source,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and report."""
    options = parser(__doc__ or "")
    options.add_argument("--pictures", type=int, default=1000, help="of each set, at most")
    chosen = options.parse_args(arguments)
    if chosen.quick:
        chosen.pairs, chosen.pictures = 1, 8
    comparisons = []
    with own_cache():
        for entry in ENTRIES:
            for side in SIDES:
                opened = opened_data(entry, chosen.data_dir, image_size=side)
                comparisons.append(compare(opened, entry, side, chosen.pictures, chosen.pairs))
    report("photographs", comparisons, chosen)


if __name__ == "__main__":
    main()
