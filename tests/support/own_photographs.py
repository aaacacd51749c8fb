"""Pictures as a person has them: a folder for each class, new ones, and a few by themselves."""

from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 32  # pixels; the least that the networks for photographs take


def write_photographs(count: int = 12) -> None:
    """`photos/cat` (dark), `photos/dog` (light), `new_photos` with some of each, and two garments."""
    for kind, name in enumerate(("cat", "dog")):
        for number in range(count):
            write_picture(Path("photos", name, f"{number}.jpg"), kind, number)
        for number in range(count, count + 3):
            write_picture(Path("new_photos", name, f"{number}.jpg"), kind, number)
        write_picture(Path("new_photos", f"{kind + 1}.jpg"), kind, count + 3)
    write_picture(Path("shoe.png"), 0, 100)
    write_picture(Path("shirt.jpg"), 1, 101)


def write_picture(path: Path, kind: int, number: int) -> None:
    """A dark or light colour picture that is like no other."""
    path.parent.mkdir(parents=True, exist_ok=True)
    levels = np.random.default_rng([kind, number]).integers(0, 90, (SIDE, SIDE, 3)) + 150 * kind
    Image.fromarray(levels.astype(np.uint8)).save(path)
