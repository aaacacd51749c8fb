"""The same pictures in every form that the readers take: one result, whatever the form."""

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from clfw.catalog.registry import read_registry
from clfw.config.data_choice import Request
from clfw.config.plan import resolve_plan
from clfw.data.negotiation import natural_preprocess
from clfw.data.opening import DecodedImages, decode_splits, open_data
from clfw.io.progress import ProgressBar
from clfw.plugins.manager import installed_catalog
from commandline import clfw, succeed
from tiny_sets import bar, png, read_list, write_list

KINDS = [i % 3 for i in range(36)]
IMAGES = np.stack([bar(kind, number) for number, kind in enumerate(KINDS)])
TRAIN = 30  # the rest is for testing


def as_pixel_csv(root: Path) -> None:
    """Lists with a column a pixel; the test rows have no label."""
    names = [f"pixel{i}" for i in range(144)]
    flat = IMAGES.reshape(len(IMAGES), -1).tolist()
    rows = [[kind, *values] for kind, values in zip(KINDS, flat, strict=True)]
    write_list(root / "train.csv", [["label", *names], *rows[:TRAIN]])
    write_list(root / "test.csv", [names, *flat[TRAIN:]])
    ids = [[number, 0] for number in range(1, 7)]
    write_list(root / "sample_submission.csv", [["ImageId", "Label"], *ids])


def as_idx(root: Path) -> None:
    """The four files of MNIST, gzipped."""
    labels = np.array(KINDS, np.uint8)
    for split, rows in (("train", slice(TRAIN)), ("t10k", slice(TRAIN, None))):
        for what, array in (("images-idx3", IMAGES[rows]), ("labels-idx1", labels[rows])):
            head = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
            data = gzip.compress(head + array.tobytes())
            (root / f"{split}-{what}-ubyte.gz").write_bytes(data)


def as_arrays(root: Path) -> None:
    """One packed file of arrays."""
    y = np.array(KINDS)
    np.savez(
        root / "bars.npz",
        x_train=IMAGES[:TRAIN],
        y_train=y[:TRAIN],
        x_test=IMAGES[TRAIN:],
        y_test=y[TRAIN:],
    )


def as_folders(root: Path) -> None:
    """Train and test folders of class folders."""
    for number, kind in enumerate(KINDS):
        path = root / ("train" if number < TRAIN else "test") / str(kind) / f"{number:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(IMAGES[number]))


FORMS: dict[str, Callable[[Path], None]] = {
    "pixel_csv": as_pixel_csv,
    "idx_files": as_idx,
    "arrays": as_arrays,
    "image_folder": as_folders,
}
FORM = pytest.mark.parametrize("form", FORMS)


def options(form: str) -> list[str]:
    """Write the set in a form; the options that name it."""
    Path("bars").mkdir()
    FORMS[form](Path("bars"))
    return ["--data", form, "--set", "data.path=bars", "--set", "data.validation=0.3"]


def decoded(form: str) -> DecodedImages:
    """The set at `bars`, opened and decoded by core."""
    settings = ["data.path=bars", "data.validation=0.3"]
    request = Request(model="fashion_mlp", data=form, settings=settings)
    plan = resolve_plan(request, installed_catalog(), read_registry())
    data = open_data(plan.data)
    preprocess = natural_preprocess(data, plan.data.common)
    splits = ("train", "validation", "test")
    return decode_splits(data, preprocess, splits, lambda what, total: ProgressBar())


def in_one_order(pictures: DecodedImages, train: bool) -> list[tuple[int, bytes]]:
    """Target and pixels of the rows of training (or of testing), sorted."""
    test = set(pictures.where("test").tolist())
    return sorted(
        (int(target), image.tobytes())
        for row, (target, image) in enumerate(
            zip(pictures.targets, np.asarray(pictures.images), strict=True)
        )
        if (row not in test) == train
    )


def expected(numbers: NDArray[np.int64]) -> list[tuple[int, bytes]]:
    """The same of the pictures that were written."""
    return sorted((KINDS[n], IMAGES[n].tobytes()) for n in numbers.tolist())


@FORM
def test_every_form_decodes_to_the_same_pictures(form: str) -> None:
    options(form)
    pictures = decoded(form)
    assert pictures.images.shape == (36, 12, 12, 1)
    assert pictures.rows.classes == ("0", "1", "2")
    assert in_one_order(pictures, train=True) == expected(np.arange(TRAIN))
    if form != "pixel_csv":  # whose test rows have no labels
        assert in_one_order(pictures, train=False) == expected(np.arange(TRAIN, 36))


@FORM
def test_a_second_opening_decodes_nothing_and_reads_the_same(form: str) -> None:
    options(form)
    first, second = decoded(form), decoded(form)
    assert not first.cached
    assert second.cached
    assert second.fingerprint == first.fingerprint


def test_predictions_of_pixel_rows_are_in_the_layout_of_the_sample_submission() -> None:
    chosen = options("pixel_csv")
    succeed("run", "--model", "fashion_mlp", *chosen, "--steps", "1", "--out", "trained")
    out = ("--split", "test", "--out", "answers.csv")
    finished = clfw("predict", "trained", *chosen[:4], *out)
    assert finished.code == 0, finished.err
    rows = read_list(Path("answers.csv"))
    assert [row["ImageId"] for row in rows] == ["1", "2", "3", "4", "5", "6"]
    assert {row["Label"] for row in rows} <= {"0", "1", "2"}
