"""Pictures in class folders: which files are rows, of which class and split, and what is refused."""

import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from clfw import DataError, Table
from clfw.config.data_params import DataParams
from clfw.data.rows import Rows, check_rows, refuse_untrainable
from clfw_plugins.image_folder.params import ImageFolderParams
from clfw_plugins.image_folder.reader import open_image_folder
from tiny_sets import bar, png

PICTURE = png(bar(1, 4))


def build(root: Path, names: Iterable[str]) -> Path:
    """A folder with a file of each name; a name that ends in a slash is an empty folder."""
    for name in names:
        path = root / name
        if name.endswith("/"):
            path.mkdir(parents=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(PICTURE)
    return root


def pack(path: Path, names: Iterable[str]) -> Path:
    """A zip with the same."""
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"" if name.endswith("/") else PICTURE)
    return path


Make = Callable[[Path, Iterable[str]], Path]


@pytest.fixture(params=[build, pack], ids=["folder", "zip"])
def make(request: pytest.FixtureRequest) -> Make:
    """Makes a set as a folder, and as a zip."""
    made: Make = request.param
    return made


def table_of(path: Path, **values: object) -> Table:
    """The rows of a set."""
    return open_image_folder(ImageFolderParams(**values), path).table()


def rows_of(path: Path, **values: object) -> Rows:
    """The rows after core's checks, with nothing held out."""
    return check_rows(table_of(path, **values), DataParams(validation=0))


def found(table: Table) -> list[tuple[str, str | None, str]]:
    """Key, label and split of each row."""
    return list(zip(table.keys, table.labels, table.splits, strict=True))


def refusal(act: Callable[[], object]) -> str:
    """Message and hint of the `DataError` that `act` ends in."""
    with pytest.raises(DataError) as caught:
        act()
    assert caught.value.hint
    return f"{caught.value.message}\n{caught.value.hint}"


def test_each_folder_is_a_class_and_all_rows_are_training_rows(make: Make) -> None:
    path = make(Path("pets"), ["dogs/b.JPG", "cats/a.png", "cats/c.webp"])
    source = open_image_folder(ImageFolderParams(), path)
    table = source.table()
    assert found(table) == [
        ("cats/a.png", "cats", "train"),
        ("cats/c.webp", "cats", "train"),
        ("dogs/b.JPG", "dogs", "train"),
    ]
    assert source.read(1) == PICTURE
    assert table.locations[0] == "pets/cats"
    assert table.unused_files == ()


def test_a_cached_table_leaves_the_pictures_readable(make: Make) -> None:
    path = make(Path("pets"), ["dogs/b.jpg", "cats/a.png"])
    assert open_image_folder(ImageFolderParams(), path).read(1) == PICTURE


def test_classes_are_in_natural_order(make: Make) -> None:
    path = make(Path("sizes"), ["1/a.png", "10/a.png", "2/a.png", "x/a.png"])
    assert rows_of(path).classes == ("1", "2", "10", "x")


@pytest.mark.parametrize("held_out", ["val", "valid", "validation", "Val"])
@pytest.mark.parametrize("train", ["train", "training", "Train"])
def test_split_folders_give_the_splits(make: Make, train: str, held_out: str) -> None:
    names = [f"{train}/a/1.png", f"{train}/b/1.png", f"{held_out}/a/2.png", "test/b/3.png"]
    table = table_of(make(Path("set"), names))
    assert sorted(found(table)) == sorted(
        [
            (names[0], "a", "train"),
            (names[1], "b", "train"),
            (names[2], "a", "validation"),
            (names[3], "b", "test"),
        ]
    )


@pytest.mark.parametrize("names", [["test/2.png", "test/1.png"], ["test/unknown/1.png"]])
def test_a_test_folder_without_class_folders_has_no_labels(make: Make, names: list[str]) -> None:
    table = table_of(make(Path("set"), ["train/a/1.png", "train/b/1.png", *names]))
    assert found(table)[2:] == [(name, None, "test") for name in sorted(names)]


def test_one_class_folder_in_test_is_a_label(make: Make) -> None:
    table = table_of(make(Path("set"), ["train/a/1.png", "train/b/1.png", "test/b/1.png"]))
    assert found(table)[2] == ("test/b/1.png", "b", "test")


def test_a_folder_of_trains_is_a_class(make: Make) -> None:
    table = table_of(make(Path("vehicles"), ["bus/1.png", "car/1.png", "train/1.png"]))
    assert list(table.labels) == ["bus", "car", "train"]


@pytest.mark.parametrize("above", ["animals/", "animals/raw/"])
def test_folders_around_the_whole_set_are_looked_through(make: Make, above: str) -> None:
    names = [f"{above}cats/1.png", f"{above}dogs/1.png", f"{above}LICENSE", "translate.py"]
    table = table_of(make(Path("set"), [*names, "__MACOSX/animals/cats/._1.png"]))
    assert list(table.keys) == ["cats/1.png", "dogs/1.png"]
    assert len(table.unused_files) == 3


def test_a_folder_around_split_folders_is_looked_through(make: Make) -> None:
    names = ["set/train/a/1.png", "set/train/b/1.png", "set/val/a/1.png"]
    table = table_of(make(Path("set.d"), names))
    assert list(table.splits) == ["train", "train", "validation"]
    assert list(table.keys) == ["train/a/1.png", "train/b/1.png", "val/a/1.png"]


def test_nested_files_belong_to_the_class_above(make: Make) -> None:
    table = table_of(make(Path("set"), ["a/1.png", "a/2019/may/1.png", "b/x/1.png"]))
    assert list(table.labels) == ["a", "a", "b"]


STRAYS = [
    ".DS_Store",
    "cats/.DS_Store",
    "cats/Thumbs.db",
    "cats/._1.png",
    "cats/not_found.gif",
    "cats/notes.txt",
    "cats/.ipynb_checkpoints/1-checkpoint.png",
    ".ipynb_checkpoints/1.png",
    ".cache/1.png",
    "__MACOSX/cats/1.png",
    "preview.png",
    "README.md",
]


def test_files_of_other_kinds_are_strays_and_all_named(make: Make) -> None:
    table = table_of(make(Path("set"), ["cats/1.png", "dogs/1.png", *STRAYS]))
    assert list(table.keys) == ["cats/1.png", "dogs/1.png"]
    assert sorted(table.unused_files) == sorted(STRAYS)


def test_pictures_beside_the_class_folders_of_a_split_are_strays(make: Make) -> None:
    names = ["train/a/1.png", "train/b/1.png", "train/x.png", "val/a/1.png", "val/y.png"]
    table = table_of(make(Path("set"), [*names, "extra/a/1.png", "test/a/1.png", "test/z.png"]))
    assert sorted(table.unused_files) == ["extra/a/1.png", "test/z.png", "train/x.png", "val/y.png"]


def test_a_folder_that_is_a_symbolic_link_is_named_not_dropped() -> None:
    path = build(Path("set"), ["a/1.png", "b/1.png"])
    build(Path("elsewhere"), ["1.png"])
    (path / "c").symlink_to(Path("elsewhere").resolve(), target_is_directory=True)
    message = refusal(lambda: refuse_untrainable(rows_of(path)))
    assert "set/c: is a symbolic link, which is not followed" in message


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    path = build(Path("set"), ["a/1.png", "b/1.png"])
    (path / "a" / "up").symlink_to(path.resolve(), target_is_directory=True)
    (path / "a" / "self.png").symlink_to("self.png")
    assert list(table_of(path).keys) == ["a/1.png", "b/1.png"]


@pytest.mark.parametrize("empty", ["c/", "c/readme.txt", "c/1.gif", "c/Thumbs.db"])
def test_a_class_folder_without_a_picture_is_an_error(make: Make, empty: str) -> None:
    path = make(Path("set"), ["a/1.png", "b/1.png", empty])
    message = refusal(lambda: refuse_untrainable(rows_of(path)))
    other = ", but 1 file in unsupported formats (.gif); supported are PNG, JPEG, BMP, WEBP"
    said = f"holds no picture{other if '.gif' in empty else ''}"
    assert f"set/c: {said} (class folders without pictures)" in message
    assert "remove the folder" in message


def test_an_empty_class_folder_of_the_training_split_is_an_error(make: Make) -> None:
    path = make(Path("set"), ["train/a/1.png", "train/b/1.png", "train/c/", "val/a/1.png"])
    message = refusal(lambda: refuse_untrainable(rows_of(path)))
    assert "set/train/c: holds no picture" in message


def test_a_class_may_lack_validation_pictures(make: Make) -> None:
    path = make(Path("set"), ["train/a/1.png", "train/b/1.png", "val/a/1.png", "val/b/"])
    assert len(table_of(path).keys) == 3


def test_a_named_class_without_pictures_is_an_error_of_the_rows(make: Make) -> None:
    path = make(Path("set"), ["a/1.png", "b/1.png", "c/"])
    rows = rows_of(path, class_names=("a", "b", "c"))
    assert "classes without a training row: c" in refusal(lambda: refuse_untrainable(rows))


def test_a_class_in_validation_alone_is_an_error_with_its_place(make: Make) -> None:
    path = make(Path("set"), ["train/a/1.png", "train/b/1.png", "val/a/1.png", "val/wasp/1.png"])
    message = refusal(lambda: rows_of(path))
    assert "set/val/wasp: label 'wasp' is not one of the 2 classes" in message


@pytest.mark.parametrize(
    ("one", "other"),
    [("Cats", "cats"), ("caf\u00e9", "cafe\u0301"), ("STRASSE", "stra\u00dfe")],
    ids=["case", "composed", "sharp s"],
)
def test_class_folders_that_differ_in_case_or_encoding_alone_are_refused(
    make: Make, one: str, other: str
) -> None:
    path = make(Path("set"), [f"train/{one}/1.png", "train/b/1.png", f"val/{other}/1.png"])
    message = refusal(lambda: table_of(path))
    assert one in message
    assert other in message
    assert "alone" in message


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["1.png", "2.png"], "set: holds pictures but no class folders, as '1.png'"),
        (["train/1.png", "test/1.png"], "set: has test, train but no class folders in a train"),
        (["val/a/1.png", "test/a/1.png"], "set: has test, val but no class folders in a train"),
        (["readme.txt", "a/1.gif"], "set: 1 file in unsupported formats (.gif)"),
        (["readme.txt", "a/1.txt"], "set: holds no pictures"),
    ],
)
def test_a_set_without_class_folders_is_refused(make: Make, names: list[str], message: str) -> None:
    path = make(Path("set"), names)
    assert message in refusal(lambda: table_of(path))


def test_an_empty_folder_is_refused() -> None:
    assert "set: holds no pictures" in refusal(lambda: table_of(build(Path("set"), ["a/"])))


def test_class_names_stand_for_folders_of_other_names(make: Make) -> None:
    path = make(Path("set"), ["gatto/1.png", "cane/1.png", "ragno/1.png"])
    values = {"class_names": ("cat", "dog", "spider"), "class_values": ("gatto", "cane", "ragno")}
    rows = rows_of(path, **values)
    assert rows.classes == ("cat", "dog", "spider")
    named = {key: rows.classes[t] for key, t in zip(rows.table.keys, rows.targets, strict=True)}
    assert named == {"gatto/1.png": "cat", "cane/1.png": "dog", "ragno/1.png": "spider"}


def test_class_names_alone_fix_the_order(make: Make) -> None:
    path = make(Path("set"), ["a/1.png", "b/1.png"])
    assert rows_of(path, class_names=("b", "a")).targets.tolist() == [1, 0]


def test_a_folder_that_no_class_name_stands_for_is_an_error(make: Make) -> None:
    path = make(Path("set"), ["a/1.png", "b/1.png", "c/1.png"])
    message = refusal(lambda: rows_of(path, class_names=("a", "b")))
    assert "set/c: label 'c' is not one of the 2 classes" in message


def test_stamps_and_identity_change_with_the_files(make: Make) -> None:
    before = open_image_folder(ImageFolderParams(), make(Path("set"), ["a/1.png", "b/1.png"]))
    stamps, identity = before.table().versions, before.identity()
    path = Path("set")
    if path.is_dir():
        (path / "b/1.png").write_bytes(PICTURE + b"!")
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a/1.png", PICTURE)
            archive.writestr("b/1.png", PICTURE + b"!")
    after = open_image_folder(ImageFolderParams(), path)
    assert after.identity() != identity
    assert after.table().versions[0] == stamps[0]
    assert after.table().versions[1] != stamps[1]


def test_names_with_control_characters_are_escaped_in_messages() -> None:
    path = build(Path("set"), ["a/1.png", "b/1.png", "\x1b[31mred/"])
    message = refusal(lambda: refuse_untrainable(rows_of(path)))
    assert "\x1b" not in message
    assert "\\x1b[31mred: holds no picture" in message
