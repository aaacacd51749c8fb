"""Turns IDX files of pictures and labels into lists beside PNG files, all in one zip."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from clfw import DataError
from clfw.api import Progress, read_idx
from clfw_plugins.csv_images.params import CsvImagesParams

SMALLEST_PNG = (cv2.IMWRITE_PNG_COMPRESSION, 9)
PACE = 1000  # pictures between two steps of the bar
WHEN = (1980, 1, 1, 0, 0, 0)  # the same for every member, so that equal input gives equal files


def convert_idx(
    files: Sequence[Path], target: Path, params: CsvImagesParams, progress: Progress
) -> None:
    """Write the zip `target` from `train-images`, `train-labels` and `t10k-images` files.

    Ids count from 1 through the training pictures and on through the test pictures, whose labels
    the lists leave out.

    Raises:
        DataError: a file is absent, damaged or of another type; counts that differ.
    """
    train = _read(files, "train-images", 3)
    labels = _read(files, "train-labels", 1)
    test = _read(files, "t10k-images", 3)
    if len(train) != len(labels):
        raise DataError(f"{len(train)} training pictures and {len(labels)} labels")
    ids = range(1, len(train) + len(test) + 1)
    train_ids, test_ids = ids[: len(train)], ids[len(train) :]
    texts = params.class_values or tuple(str(number) for number in range(256))
    image, label = params.image or "id", params.label
    rows = [f"{i},{texts[number]}" for i, number in zip(train_ids, labels.tolist(), strict=True)]
    root = target.stem
    bar = progress("converting", len(ids))
    try:
        with zipfile.ZipFile(target, "x") as packed:
            for name, header, lines in (
                (params.submission_csv, f"{image},{label}", [f"{i},{texts[0]}" for i in test_ids]),
                (params.test_csv, image, [str(i) for i in test_ids]),
                (params.train_csv, f"{image},{label}", rows),
            ):
                text = "\n".join([header, *lines, ""])
                _add(packed, f"{root}/{name}", text.encode(), zipfile.ZIP_DEFLATED)
            for folder, numbers, pictures in (
                (params.test_folder, test_ids, test),
                (params.train_folder, train_ids, train),
            ):
                for i, picture in zip(numbers, pictures, strict=True):
                    png = cv2.imencode(".png", picture, SMALLEST_PNG)[1].tobytes()
                    _add(packed, f"{root}/{folder}/{i}.png", png, zipfile.ZIP_STORED)
                    if i % PACE == 0:
                        bar.advance(PACE)
    finally:
        bar.close()


def _read(files: Sequence[Path], start: str, rank: int) -> NDArray[np.uint8]:
    path = next((path for path in files if path.name.startswith(start)), None)
    if path is None:
        raise DataError(f"no file '{start}…' among those fetched")
    return read_idx(path.read_bytes(), path.name, (rank,), "images" if rank > 1 else "labels")


def _add(packed: zipfile.ZipFile, name: str, data: bytes, method: int) -> None:
    member = zipfile.ZipInfo(name, WHEN)
    member.compress_type = method
    member.external_attr = 0o644 << 16
    packed.writestr(member, data)
