"""Pictures and labels in NumPy files: what is read, and what is refused."""

import io
import pickle
import random
import struct
import threading
import tracemalloc
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clfw import DataError
from clfw.api.array_source import ArraySource
from clfw_plugins.arrays import reader
from clfw_plugins.arrays.npy import read_npy
from clfw_plugins.arrays.params import ArraysParams
from clfw_plugins.arrays.reader import open_arrays

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 3, 2), dtype=np.uint8)
LABELS = np.array([7, 0, 7, 9, 0])


def npy(array: Any) -> bytes:
    """The array as a `.npy` file."""
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def packed(path: str = "set.npz", **arrays: Any) -> Path:
    """A `.npz` of some arrays."""
    np.savez_compressed(path, **arrays)
    return Path(path)


def folder(**arrays: Any) -> Path:
    """A folder of `.npy` files."""
    Path("set").mkdir()
    for name, array in arrays.items():
        np.save(Path("set", f"{name}.npy"), array)
    return Path("set")


def opened(path: Path, **values: object) -> ArraySource:
    """The source at `path`."""
    return open_arrays(ArraysParams(**values), path)


def refusal(act: Callable[[], object]) -> str:
    """The message of the `DataError` that `act` ends in."""
    with pytest.raises(DataError) as caught:
        act()
    assert caught.value.hint
    return caught.value.message


def zipped(**arrays: Any) -> Path:
    """A zip of a folder of `.npy` files."""
    with zipfile.ZipFile("set.zip", "w") as archive:
        for name, array in arrays.items():
            archive.writestr(f"arrays/{name}.npy", npy(array))
    return Path("set.zip")


@pytest.mark.parametrize("make", [packed, folder, zipped])
@pytest.mark.parametrize(
    ("images", "labels"),
    [("images", "labels"), ("x_train", "y_train"), ("train_images", "train_labels"), ("X", "y")],
)
def test_arrays_under_the_usual_names_become_rows(
    make: Callable[..., Path], images: str, labels: str
) -> None:
    source = opened(make(**{images: IMAGES, labels: LABELS}))
    table = source.table()
    assert list(table.labels) == ["7", "0", "7", "9", "0"]
    assert list(table.keys) == ["0", "1", "2", "3", "4"]
    assert table.locations[3].endswith(f"/{labels}[3]")
    assert [source.read(row).tolist() for row in range(5)] == IMAGES.tolist()


def test_many_threads_that_read_at_once_load_once(monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[int] = []
    read_content = reader.read_content

    def slow(*given: Any) -> Any:
        loads.append(1)
        threading.Event().wait(0.02)  # time for the others to come
        return read_content(*given)

    monkeypatch.setattr(reader, "read_content", slow)
    source = opened(packed(images=IMAGES, labels=LABELS))
    with ThreadPoolExecutor(5) as pool:
        read = list(pool.map(source.read, range(5)))
    assert [picture.tolist() for picture in read] == IMAGES.tolist()
    assert loads == [1]


def test_a_folder_with_one_npz_is_read() -> None:
    Path("set/inner").mkdir(parents=True)
    packed("set/inner/digits.npz", x=IMAGES, y=LABELS)
    assert opened(Path("set")).read(4).tolist() == IMAGES[4].tolist()


def test_validation_and_test_arrays_are_splits() -> None:
    arrays = {"train_images": IMAGES, "train_labels": LABELS[:, None]}
    arrays |= {"val_images": IMAGES[:2], "val_labels": LABELS[:2], "test_images": IMAGES[:1]}
    source = opened(packed(**arrays, notes=np.zeros(2)))
    table = source.table()
    assert list(table.splits) == ["train"] * 5 + ["validation"] * 2 + ["test"]
    assert list(table.labels) == ["7", "0", "7", "9", "0", "7", "0", None]
    assert table.unused_files == ("notes.npy",)
    assert source.read(6).tolist() == IMAGES[1].tolist()


def test_names_are_parameters() -> None:
    path = packed(pictures=IMAGES, kinds=np.array(["cat", "dog", "cat", "owl", "dog"]))
    table = opened(path, train_images="pictures", train_labels="kinds").table()
    assert list(table.labels) == ["cat", "dog", "cat", "owl", "dog"]


@pytest.mark.parametrize("shape", [(5, 3, 2), (5, 3, 2, 1), (5, 3, 2, 3)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_grey_and_colour_in_either_memory_order_are_read(
    shape: tuple[int, ...], order: Any
) -> None:
    images = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    source = opened(packed(images=np.array(images, order=order), labels=LABELS))
    assert [source.read(row).tolist() for row in range(5)] == images.tolist()
    assert len(set(source.table().versions)) == 5


@pytest.mark.parametrize("dtype", ["<i8", ">i2", "u1", "<U3"])
def test_labels_of_every_whole_number_type_and_text_are_read(dtype: str) -> None:
    source = opened(packed(images=IMAGES, labels=LABELS.astype(dtype)))
    assert list(source.table().labels) == ["7", "0", "7", "9", "0"]


BAD_ARRAYS: dict[str, tuple[dict[str, Any], str]] = {
    "no pictures": ({"labels": LABELS}, "no array 'train_images'; the arrays are labels"),
    "no labels": ({"images": IMAGES}, "no array 'train_labels'; the arrays are images"),
    "floats": (
        {"images": IMAGES / 255, "labels": LABELS},
        "images.npy: holds float64, expected uint8",
    ),
    "wide": ({"images": IMAGES.astype(np.int32), "labels": LABELS}, "holds int32, expected uint8"),
    "flat": (
        {"images": IMAGES.reshape(5, 6), "labels": LABELS},
        "images.npy: has shape (5, 6), expected (N, H, W)",
    ),
    "channels first": (
        {"images": np.zeros((5, 3, 8, 8), np.uint8), "labels": LABELS},
        "has shape (5, 3, 8, 8), expected",
    ),
    "none": ({"images": IMAGES[:0], "labels": LABELS[:0]}, "which holds no picture"),
    "no width": ({"images": np.zeros((5, 3, 0), np.uint8), "labels": LABELS}, "holds no picture"),
    "another count": (
        {"images": IMAGES, "labels": LABELS[:4]},
        "labels.npy: 4 labels, and images.npy has 5 pictures",
    ),
    "one-hot labels": (
        {"images": IMAGES, "labels": np.eye(5, dtype=int)},
        "labels.npy: has shape (5, 5), expected one label a picture",
    ),
    "float labels": ({"images": IMAGES, "labels": LABELS / 2}, "labels.npy: holds float64"),
    "empty label": (
        {"images": IMAGES, "labels": np.array(["a", "", "b", "a", "b"])},
        "labels.npy[1]: the label is empty",
    ),
}


@pytest.mark.parametrize(("arrays", "message"), BAD_ARRAYS.values(), ids=BAD_ARRAYS)
def test_arrays_of_another_kind_are_named_with_what_is_wrong(
    arrays: dict[str, Any], message: str
) -> None:
    assert message in refusal(opened(packed(**arrays)).table)


def test_a_named_array_that_is_not_there_is_answered_with_the_nearest() -> None:
    source = opened(packed(images=IMAGES, labels=LABELS), test_images="imagse")
    with pytest.raises(DataError, match="no array 'imagse'") as caught:
        source.table()
    assert caught.value.hint == "did you mean 'images'?"


class Trap:
    """Leaves a mark where it is unpickled."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (Path("sprung"),)


def test_objects_are_refused_and_never_unpickled() -> None:
    trap = np.array([Trap()] * 5, dtype=object)
    pickle.loads(pickle.dumps(Trap()))
    assert Path("sprung").exists()  # the trap works
    Path("sprung").unlink()
    found = refusal(opened(packed(images=IMAGES, labels=trap)).table)
    assert "labels.npy: holds Python objects, and clfw never unpickles" in found
    assert not Path("sprung").exists()


def test_a_pickle_in_the_place_of_an_array_is_refused() -> None:
    path = folder(images=IMAGES, labels=LABELS)
    (path / "labels.npy").write_bytes(pickle.dumps(Trap()))
    assert "labels.npy: not a readable .npy array" in refusal(opened(path).table)
    assert not Path("sprung").exists()


def test_a_file_cut_anywhere_is_refused() -> None:
    data = npy(IMAGES)
    for length in range(len(data)):
        with pytest.raises(DataError, match="file: "):
            read_npy(data[:length], "file")


def test_trailing_bytes_are_refused() -> None:
    found = refusal(lambda: read_npy(npy(IMAGES) + b"!", "file"))
    assert found == "file: offset 128: 30 bytes expected for uint8 (5, 3, 2), 31 found"


@pytest.mark.parametrize("seed", range(60))
def test_a_damaged_header_is_refused_or_describes_as_many_bytes(seed: int) -> None:
    draw = random.Random(seed)
    data = bytearray(npy(IMAGES))
    for _ in range(draw.randint(1, 3)):
        data[draw.randrange(128)] = draw.choice(b"0123456789(),'{}: TFu<|O\0\xff")
    try:
        array = read_npy(bytes(data), "file")
    except DataError as error:
        assert error.message.startswith("file: ")
        return
    assert array.nbytes == IMAGES.nbytes
    assert not array.dtype.hasobject


def forged(shape: str, version: int = 1) -> bytes:
    """A header that claims `shape`, and 30 bytes."""
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    length = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + length + header + bytes(30)


@pytest.mark.parametrize(
    "shape",
    [
        "(4294967295, 28, 28)",
        "(10**9,)",
        "(-5, 3, -2)",
        "(True, 30)",
        "(1.0, 30)",
        "[30]",
        f"({'30, ' + '1, ' * 70})",
        "(0, 10**20)",
    ],
)
def test_no_memory_is_taken_for_a_shape_that_the_file_cannot_fill(shape: str) -> None:
    data = forged(shape)
    tracemalloc.start()
    try:
        refusal(lambda: read_npy(data, "file"))
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_header_of_the_second_format_is_read_and_of_the_third_refused() -> None:
    assert read_npy(forged("(30,)", version=2), "file").shape == (30,)
    assert "format version 3.0 is not known" in refusal(
        lambda: read_npy(forged("(30,)", 3), "file")
    )


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_npz_is_refused_or_read_unchanged(seed: int) -> None:
    draw = random.Random(seed)
    data = bytearray(packed(images=IMAGES, labels=LABELS).read_bytes())
    data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    Path("damaged.npz").write_bytes(data)
    try:
        source = opened(Path("damaged.npz"))
        labels = list(source.table().labels)
    except DataError:
        return
    assert labels == ["7", "0", "7", "9", "0"]
    assert [source.read(row).tolist() for row in range(5)] == IMAGES.tolist()
