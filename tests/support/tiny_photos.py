"""Dark and light pictures in a folder per class, as small as they can be."""

from pathlib import Path

import numpy as np

from tiny_sets import png

KINDS = ("dark", "light")


def picture(kind: int, number: int) -> bytes:
    """A dark or light picture that is like no other."""
    levels = np.random.default_rng([kind, number]).integers(0, 90, (8, 8, 1)) + 150 * kind
    return png(levels.astype(np.uint8))


def write_photos(root: Path, count: int, kinds: tuple[str, ...] = KINDS, first: int = 0) -> Path:
    """A folder per class."""
    for kind, name in enumerate(kinds):
        (root / name).mkdir(parents=True)
        for number in range(first, first + count):
            (root / name / f"{number}.png").write_bytes(picture(min(kind, 1), number))
    return root
