"""Datasets of a few tiny pictures whose class can be seen in each: one bright spot a class."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from tiny_sets import png, write_list

SIDE = 6
NAMES = (
    "cat", "Cat", "CAT", "dog", "do g", "0", "1", "2", "10", "01", "1.0", "-1", "é", "e\u0301", "дом",
    "猫", "None", "nan", "x,y", 'q"q', "T-shirt", "T‑shirt", "class 0", "0 class", "true", "ß", "ss",
)  # fmt: skip
SPOTS = {name: spot for spot, name in enumerate(NAMES)}  # where a class is bright


@dataclass(frozen=True, kw_only=True)
class ClassSet:
    """A dataset.

    Attributes:
        reader: "pixel_csv", "csv_images" or "image_folder".
        names: the classes, in the order in which they are declared where they are.
        labels: the text for each of `names`.
        declared: "nothing", "names" or "names and values".
        train, test: the class of each picture.
        labelled: whether the test list says its labels.
        submission: whether there is a sample submission.
    """

    reader: str
    names: tuple[str, ...]
    labels: tuple[str, ...]
    declared: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    labeled: bool
    submission: bool

    def text(self, name: str) -> str:
        """How a class is written."""
        return self.labels[self.names.index(name)]

    def settings(self, folder: Path) -> list[str]:
        """What a person sets to have it read."""
        values: dict[str, object] = {"path": str(folder), "validation": 0.0}
        if self.declared != "nothing":
            values["class_names"] = list(self.names)
        if self.declared == "names and values":
            values["class_values"] = list(self.labels)
        return [f"data.{key}={json.dumps(value)}" for key, value in values.items()]

    def ambiguous(self) -> bool:
        """Whether each label is the name of a class and the number of one, and not the same one's."""
        numbers = [str(number) for number in range(len(self.names))]
        texts = {self.text(name) for name in (*self.train, *(self.test if self.labeled else ()))}
        if self.declared != "names" or self.reader == "image_folder":
            return False
        both = texts <= {*self.names} and texts <= {*numbers}
        return both and any(self.names.index(text) != numbers.index(text) for text in texts)


def picture(name: str, number: int) -> NDArray[np.uint8]:
    """(6, 6) uint8: noise, and the spot of a class."""
    pixels = np.random.default_rng(number).integers(0, 100, (SIDE, SIDE), dtype=np.uint8)
    pixels.flat[SPOTS[name]] = 255
    return pixels


def write_set(data: ClassSet, folder: Path) -> None:
    """The files of a dataset, in place of those that were there."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for split, classes in (("train", data.train), ("test", data.test)):
        write = {"pixel_csv": write_pixels, "csv_images": write_pictures}.get(data.reader)
        if write is None:
            for number, name in enumerate(classes):
                path = folder / split / data.text(name) / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(png(picture(name, number)))
            continue
        labels = split == "train" or data.labeled
        write(folder, split, classes, [data.text(name) for name in classes] if labels else None)
    if data.submission:
        ids = range(1, len(data.test) + 1)
        write_list(folder / "sample_submission.csv", [("id", "label"), *((n, "") for n in ids)])


def write_pixels(
    folder: Path, split: str, classes: Sequence[str], labels: Sequence[str] | None
) -> None:
    """A list of pixels."""
    rows: list[list[object]] = [[f"pixel{n}" for n in range(SIDE**2)]]
    rows += [picture(name, number).ravel().tolist() for number, name in enumerate(classes)]
    if labels is not None:
        rows = [[label, *row] for label, row in zip(["label", *labels], rows, strict=True)]
    write_list(folder / f"{split}.csv", rows)


def write_pictures(
    folder: Path, split: str, classes: Sequence[str], labels: Sequence[str] | None
) -> None:
    """A list of picture files, with ids from 1."""
    (folder / split).mkdir()
    rows: list[list[object]] = [["id", "label"] if labels is not None else ["id"]]
    for number, name in enumerate(classes):
        (folder / split / f"{number + 1}.png").write_bytes(png(picture(name, number)))
        rows.append([number + 1] if labels is None else [number + 1, labels[number]])
    write_list(folder / f"{split}.csv", rows)


def drawn_set(
    draw: Random, names: Sequence[str], absent: Sequence[str] = (), testing: bool = False
) -> ClassSet:
    """A dataset of these classes in any order and writing; of `absent` ones it has no picture."""
    reader = draw.choice(("pixel_csv", "pixel_csv", "csv_images", "image_folder"))
    everything = draw.sample([*names, *absent], len(names) + len(absent))
    if len({normalize("NFC", name).casefold() for name in everything}) < len(everything):
        reader = "csv_images"  # folders whose names differ by case or accents alone are refused
    declared = draw.choice(("nothing", "names", "names", "names and values"))
    if declared == "nothing":
        labels = everything
    elif declared == "names":
        numbers = [str(number) for number in range(len(everything))]
        labels = draw.choice((everything, numbers)) if reader != "image_folder" else everything
    elif draw.random() < 0.5:  # the names in another order, each for another class, or numbers
        labels = draw.sample(everything, len(everything))
    else:
        labels = draw.sample([str(number) for number in range(30)], len(everything))
    train = draw.sample([*names] * 2, 2 * len(names))
    test = draw.choices(list(names), k=draw.randrange(3, 8))
    if testing:
        test = [*test, *names]
    labeled = testing or draw.random() < 0.5
    return ClassSet(
        reader=reader,
        names=tuple(everything),
        labels=tuple(labels),
        declared=declared,
        train=tuple(train),
        test=tuple(draw.sample(test, len(test))),
        labeled=labeled or reader == "image_folder",
        submission=not labeled and reader != "image_folder",
    )
