"""What a person with pictures of their own is told of them, by `clfw data` and by a run."""

import zipfile
from pathlib import Path

import pytest

from clfw.api.source import Table, row_name
from clfw.data.rows import class_indices
from clfw.errors import DataError
from commandline import clfw, succeed
from tiny_photos import KINDS, write_photos

RUN = ("run", "--model", "fashion_cnn", "--epochs", "1", "--set", "model.width=1")


def packed(name: str, folder: Path) -> bytes:
    """A zip of everything in a folder."""
    with zipfile.ZipFile(name, "w") as archive:
        for path in sorted(folder.rglob("*.png")):
            archive.write(path, path.relative_to(folder).as_posix())
    return Path(name).read_bytes()


def test_a_copy_of_an_archive_is_named_by_its_own_name() -> None:
    whole = bytearray(packed("first.zip", write_photos(Path("photos"), 3)))
    succeed("data", "show", "first.zip")
    place = whole.index(b"IDAT") + 8
    whole[place] ^= 255
    Path("second.zip").write_bytes(whole)
    finished = clfw("data", "show", "second.zip")
    assert finished.err.count("second.zip/dark") == 1
    assert "first.zip" not in finished.err


def test_a_class_that_the_declared_validation_split_lacks_is_told() -> None:
    write_photos(Path("photos/train"), 12)
    write_photos(Path("photos/val"), 4, KINDS[:1], first=50)
    sentence = "the validation split has no picture of 'light', so nothing shows how well it is"
    checked = succeed("data", "check", "photos").out
    assert sentence in checked[checked.index("worth knowing") :]
    assert f"warning: {sentence}" in succeed(*RUN, "--data", "photos").err


def test_a_validation_split_with_every_class_is_not_remarked_on() -> None:
    write_photos(Path("photos/train"), 12)
    write_photos(Path("photos/val"), 4, first=50)
    assert "the validation split has" not in succeed("data", "check", "photos").out


def test_a_label_that_is_no_class_is_told_once_with_its_rows() -> None:
    labels = ["a", *["fox"] * 20, "b", "cow"]
    places = [f"list.csv:{line}" for line in range(2, 25)]
    empty = [""] * len(labels)
    table = Table(keys=places, labels=labels, splits=empty, versions=empty, locations=places)
    with pytest.raises(DataError) as caught:
        class_indices(table, ("a", "b"), ("a", "b"), {})
    assert caught.value.message.splitlines()[1:] == [
        "  list.csv:3: label 'fox' is not one of the 2 classes (and 19 more rows)",
        "  list.csv:24: label 'cow' is not one of the 2 classes",
    ]


@pytest.mark.parametrize(
    ("place", "key", "name"),
    [
        ("pets/cats", "cats/1.png", "pets/cats/1.png"),
        ("pets/train/cats", "train/cats/1.png", "pets/train/cats/1.png"),
        ("pets.zip/cats", "cats/young/1.png", "pets.zip/cats/young/1.png"),
        ("list.csv:9", "7", "list.csv:9: 7"),
        ("list.csv:9", "cats/1.png", "list.csv:9: cats/1.png"),
        ("polecats", "cats/1.png", "polecats: cats/1.png"),
    ],
)
def test_a_row_is_named_once(place: str, key: str, name: str) -> None:
    table = Table(keys=[key], labels=["x"], splits=["train"], versions=[""], locations=[place])
    assert row_name(table, 0) == name


def test_files_that_are_not_used_are_counted_beyond_the_named_ones() -> None:
    photos = write_photos(Path("photos"), 12)
    for number in range(5):
        (photos / f"note {number}.txt").write_text("no picture")
    line = "5 files not used: note 0.txt, note 1.txt, note 2.txt and 2 more"
    assert f"files    {line}" in succeed("data", "show", "photos").out.splitlines()
    assert f"files   {line}" in succeed(*RUN, "--data", "photos").err.splitlines()
    assert len(succeed("data", "show", "photos", "--json").json["strays"]) == 5


def test_class_folders_below_those_taken_for_classes_are_shown() -> None:
    for above in ("a", "b"):
        write_photos(Path("two") / above / "photos", 3)
    said = "(2 classes, 12 pictures; each in folders below, as a/photos/dark)"
    assert said in succeed("data", "show", "two").err
    write_photos(Path("flat"), 3)
    assert "folders below" not in succeed("data", "show", "flat").err
