"""IDX files: what is read, and what is refused with file, offset, expected and found."""

import gzip
import random
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from clfw import DataError
from clfw.api.array_source import ArraySource
from clfw.io.idx_file import read_idx
from clfw_plugins.idx_files.params import IdxFilesParams
from clfw_plugins.idx_files.reader import open_idx_files

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 3, 2), dtype=np.uint8)
LABELS = np.array([7, 0, 7, 9, 0], dtype=np.uint8)
TRAIN = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
TEST = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def idx(array: NDArray[np.uint8]) -> bytes:
    """The array as an IDX file."""
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def write(folder: Path, files: dict[str, bytes]) -> Path:
    """A folder of files."""
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def pair(images: bytes = idx(IMAGES), labels: bytes = idx(LABELS)) -> dict[str, bytes]:
    """The two training files."""
    return {TRAIN[0]: images, TRAIN[1]: labels}


def opened(files: dict[str, bytes], **values: object) -> ArraySource:
    """The source of a folder of files."""
    return open_idx_files(IdxFilesParams(**values), write(Path("set"), files))


def refusal(act: Callable[[], object]) -> str:
    """The message of the `DataError` that `act` ends in."""
    with pytest.raises(DataError) as caught:
        act()
    assert caught.value.hint
    return caught.value.message


def images_of(data: bytes) -> NDArray[np.uint8]:
    """What is read from a file of pictures."""
    return read_idx(data, "file", (3, 4), "images")


def test_pairs_of_files_become_rows_of_train_and_test() -> None:
    test = {TEST[0]: idx(IMAGES[:2]), TEST[1]: idx(LABELS[:2])}
    source = opened({**pair(), **test, "readme.txt": b"hello"})
    table = source.table()
    assert list(table.labels) == ["7", "0", "7", "9", "0", "7", "0"]
    assert list(table.splits) == ["train"] * 5 + ["test"] * 2
    assert list(table.keys) == ["0", "1", "2", "3", "4", "0", "1"]
    assert table.locations[6] == "t10k-labels-idx1-ubyte[1]"
    assert table.unused_files == ("readme.txt",)
    assert [source.read(row).tolist() for row in range(7)] == [
        *IMAGES.tolist(),
        *IMAGES[:2].tolist(),
    ]


@pytest.mark.parametrize("where", ["", "MNIST/raw/"])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("dots", [False, True])
def test_dots_gzip_and_sub_folders_are_found(where: str, packed: bool, dots: bool) -> None:
    files = {}
    for name, data in pair().items():
        spelt = name.replace("-idx", ".idx") if dots else name
        files[where + spelt + (".gz" if packed else "")] = gzip.compress(data) if packed else data
    source = opened(files)
    assert list(source.table().labels) == ["7", "0", "7", "9", "0"]
    assert source.read(4).tolist() == IMAGES[4].tolist()


def test_a_zip_is_read_as_the_folder_is() -> None:
    with zipfile.ZipFile("set.zip", "w") as archive:
        for name, data in pair().items():
            archive.writestr(f"mnist/{name}.gz", gzip.compress(data))
    source = open_idx_files(IdxFilesParams(), Path("set.zip"))
    assert source.read(2).tolist() == IMAGES[2].tolist()


def test_gzip_is_told_by_its_content_not_its_name() -> None:
    files = {f"{TRAIN[0]}.gz": idx(IMAGES), f"{TRAIN[1]}.gz": idx(LABELS)}
    assert opened(files).read(1).tolist() == IMAGES[1].tolist()


def test_test_pictures_without_labels_are_rows_without_labels() -> None:
    table = opened({**pair(), TEST[0]: idx(IMAGES)}).table()
    assert list(table.labels[5:]) == [None] * 5
    assert table.locations[5] == "t10k-images-idx3-ubyte[0]"


def test_colour_pictures_are_read() -> None:
    color = np.arange(2 * 3 * 2 * 3, dtype=np.uint8).reshape(2, 3, 2, 3)
    source = opened(pair(idx(color), idx(LABELS[:2])))
    assert source.read(1).tolist() == color[1].tolist()


def test_other_names_and_class_names_are_parameters() -> None:
    files = {"letters-images": idx(IMAGES), "letters-labels": idx(LABELS)}
    names = {"train_images": "letters-images", "train_labels": "letters-labels"}
    table = opened(files, **names, class_names=("a", "b"), class_values=("7", "0")).table()
    assert (table.class_names, table.class_values) == (("a", "b"), ("7", "0"))


def test_pictures_are_views_of_one_array() -> None:
    source = opened(pair())
    assert source.read(0).base is source.read(3).base


def test_an_edited_label_leaves_every_stamp_and_an_edited_pixel_changes_one() -> None:
    before = opened(pair()).table()
    assert opened(pair(labels=idx(LABELS[::-1].copy()))).table().versions == before.versions
    other = IMAGES.copy()
    other[2, 0, 0] ^= 1
    after = opened(pair(images=idx(other))).table()
    same = [a == b for a, b in zip(before.versions, after.versions, strict=True)]
    assert same == [True, True, False, True, True]


def header(magic: bytes, *sides: int) -> bytes:
    """A header alone, with as many bytes as `IMAGES` has."""
    return magic + struct.pack(f">{len(sides)}I", *sides) + IMAGES.tobytes()


BAD_IMAGES = {
    "labels": (
        idx(LABELS),
        "offset 3: 1 dimensions, expected 3 or 4 for images",
    ),
    "bad magic": (
        header(b"\x12\x34\x08\x03", 5, 3, 2),
        "offset 0: magic number 0x12340803, expected 0x00000803 or 0x00000804",
    ),
    "web page": (b"<!doctype html>" * 9, "offset 0: magic number 0x3c21646f"),
    "unknown type": (header(b"\0\0\x0a\x03", 5, 3, 2), "offset 0: magic number 0x00000a03"),
    "floats": (
        header(b"\0\0\x0d\x03", 5, 3, 2),
        "offset 2: data type 0x0d (float), expected 0x08 (unsigned byte)",
    ),
    "no dimensions": (header(b"\0\0\x08\0"), "offset 3: 0 dimensions"),
    "255 dimensions": (b"\0\0\x08\xff" + b"\0\0\0\1" * 300, "offset 3: 255 dimensions"),
    "a side of 0": (header(b"\0\0\x08\x03", 5, 0, 2), "offset 8: dimension 2 is 0"),
    "no pictures": (header(b"\0\0\x08\x03", 0, 3, 2), "offset 4: dimension 1 is 0"),
    "two channels": (header(b"\0\0\x08\x04", 5, 3, 1, 2), "offset 16: 2 channels"),
    "one picture more": (
        header(b"\0\0\x08\x03", 6, 3, 2),
        "offset 4: dimensions 6 x 3 x 2 need 52 bytes, and the file holds 46",
    ),
    "one picture less": (
        header(b"\0\0\x08\x03", 4, 3, 2),
        "offset 40: the data should end here, by its dimensions 4 x 3 x 2",
    ),
    "trailing byte": (idx(IMAGES) + b"\0", "offset 46: the data should end here"),
    "little endian": (header(b"\0\0\x08\x03", 5 << 24, 3 << 24, 2 << 24), "need"),
    "empty": (b"", "offset 0: the file ends inside its header"),
}


@pytest.mark.parametrize(("data", "message"), BAD_IMAGES.values(), ids=BAD_IMAGES)
@pytest.mark.parametrize("packed", [False, True])
def test_a_bad_file_is_named_with_offset_expected_and_found(
    data: bytes, message: str, packed: bool
) -> None:
    found = refusal(opened(pair(images=gzip.compress(data) if packed else data)).table)
    assert found.startswith("train-images-idx3-ubyte: ")
    if packed and "and the file holds" in message:
        message = "offset 46: the gzip data ends here, expected 52 bytes"
    assert message in found


def test_pictures_in_the_place_of_labels_are_named() -> None:
    found = refusal(opened(pair(labels=idx(IMAGES))).table)
    assert "train-labels-idx1-ubyte: offset 3: 3 dimensions, expected 1 for labels" in found


def test_counts_that_differ_are_named_with_both_files() -> None:
    found = refusal(opened(pair(labels=idx(LABELS[:4]))).table)
    assert found == (
        "train-labels-idx1-ubyte: offset 4: 4 labels, and train-images-idx3-ubyte has 5 pictures"
    )


def test_a_file_cut_anywhere_is_refused() -> None:
    for data in (idx(IMAGES), gzip.compress(idx(IMAGES))):
        for length in range(len(data)):
            with pytest.raises(DataError, match="file: "):
                images_of(data[:length])


def test_bytes_after_gzip_data_are_refused() -> None:
    packed = gzip.compress(idx(IMAGES))
    assert "9 bytes follow the gzip data" in refusal(lambda: images_of(packed + b"surprise!"))


def test_a_flipped_byte_of_a_gzip_file_is_refused_or_changes_nothing() -> None:
    packed = gzip.compress(idx(IMAGES), mtime=0)
    draw = random.Random(0)
    for place in range(len(packed)):
        damaged = bytearray(packed)
        damaged[place] ^= 1 << draw.randrange(8)
        try:
            assert images_of(bytes(damaged)).tolist() == IMAGES.tolist()
        except DataError as error:
            assert error.message.startswith("file: ")


def test_a_flipped_byte_of_a_header_is_refused() -> None:
    data = idx(IMAGES)
    for place in range(16):
        for bit in range(8):
            damaged = bytearray(data)
            damaged[place] ^= 1 << bit
            with pytest.raises(DataError, match="file: offset"):
                images_of(bytes(damaged))


@pytest.mark.parametrize("sides", [(2**32 - 1,) * 3, (2**31, 28, 28), (60_000, 4096, 4096)])
@pytest.mark.parametrize("packed", [False, True])
def test_no_memory_is_taken_for_dimensions_that_the_file_cannot_fill(
    sides: tuple[int, ...], packed: bool
) -> None:
    data = struct.pack(">HBB3I", 0, 8, 3, *sides) + bytes(1000)
    data = gzip.compress(data) if packed else data
    tracemalloc.start()
    try:
        assert f"offset 4: dimensions {sides[0]} x " in refusal(lambda: images_of(data))
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_gzip_bomb_is_unpacked_no_further_than_its_dimensions_say() -> None:
    bomb = gzip.compress(idx(IMAGES) + bytes(20_000_000), compresslevel=1)
    tracemalloc.start()
    try:
        assert "offset 46: the data should end here" in refusal(lambda: images_of(bomb))
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_two_files_of_one_name_are_named() -> None:
    twice = {f"{folder}/{name}": data for folder in "ab" for name, data in pair().items()}
    found = refusal(opened(twice).table)
    assert f"'a/{TRAIN[0]}' and 'b/{TRAIN[0]}' both have the name of train_images" in found


def test_a_missing_file_is_named() -> None:
    assert f"set: no file '{TRAIN[1]}'" in refusal(opened({TRAIN[0]: idx(IMAGES)}).table)
