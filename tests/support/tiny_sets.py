"""Picture sets of a few kilobytes: CSV lists beside PNG files, in a folder or a zip."""

import csv
import zipfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

BARS = ("bottom", "middle", "top")


def bar(kind: int, number: int, side: int = 12) -> NDArray[np.uint8]:
    """(side, side) uint8: a bright bar at the height that `kind` says, in noise of its own."""
    random = np.random.default_rng([kind, number])
    picture = random.integers(0, 60, (side, side), dtype=np.uint8)
    picture[kind * side // 3 + 1 : (kind + 1) * side // 3 - 1] += 150
    return picture


def png(picture: NDArray[np.uint8]) -> bytes:
    """The picture as a PNG file."""
    return bytes(cv2.imencode(".png", picture)[1])


def write_list(path: Path, rows: Sequence[Sequence[object]]) -> None:
    """A CSV file; the first row is its header."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


def read_list(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file by column name."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write_bars(
    folder: Path,
    *,
    train: int = 30,
    test: int = 6,
    classes: Sequence[str] = BARS,
    test_labels: bool = False,
) -> Path:
    """Bars of `classes` in turn: lists, pictures and a sample submission in an order of its own."""
    for split in ("train", "test"):
        (folder / split).mkdir(parents=True)
    train_rows: list[tuple[object, ...]] = [("id", "label")]
    test_rows: list[tuple[object, ...]] = [("id", "label") if test_labels else ("id",)]
    for number in range(train + test):
        split, kind = "train" if number < train else "test", number % len(classes)
        (folder / split / f"{number}.png").write_bytes(png(bar(kind % 3, number)))
        if split == "train":
            train_rows.append((number, classes[kind]))
        else:
            test_rows.append((number, classes[kind]) if test_labels else (number,))
    write_list(folder / "train.csv", train_rows)
    write_list(folder / "test.csv", test_rows)
    ids = [row[0] for row in test_rows[:0:-1]]
    write_list(folder / "sample_submission.csv", [("id", "label"), *((i, classes[0]) for i in ids)])
    return folder


def pack(folder: Path, archive: Path, wrap: str = "") -> Path:
    """A zip of the folder's files, inside one folder named `wrap` where it is given."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                packed.write(path, Path(wrap) / path.relative_to(folder))
    return archive


def register(path: Path, name: str, data: Path, **values: object) -> Path:
    """A registry file at `path` whose data entry `name` reads the CSV set at `data`."""
    texts = {"path": f"'{data}'", "validation": "0.3", **values}
    lines = [f"{key} = {text}" for key, text in texts.items()]
    entry = f'[data.{name}]\ncomponent = "csv_images"\nsummary = "bars"\n[data.{name}.values]\n'
    with path.open("a", encoding="utf-8") as file:
        file.write(entry + "\n".join(lines) + "\n")
    return path
