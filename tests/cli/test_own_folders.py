"""Folders of a person's own pictures: everything that is not as it should be is told, and at once."""

from pathlib import Path

from commandline import clfw, succeed
from tiny_sets import bar, png


def write(*names: str) -> None:
    """Files in the folder `set`; the pictures differ."""
    for n, name in enumerate(names):
        path = Path("set", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(bar(n % 3, n)) if name.endswith("png") else b"II*")


CLASSES = [f"{kind}/{n}.png" for kind in ("a", "b") for n in range(3)]


def test_an_empty_class_folder_hides_no_other_fault_and_is_forgotten_once_it_is_gone() -> None:
    write(*CLASSES)
    Path("set/c").mkdir()
    Path("set/a/0.png").write_bytes(b"none")
    checked = clfw("data", "check", "set", "--json")
    assert checked.code == 65
    stops = [f["summary"] for f in checked.json["findings"] if f["level"] == "error"]
    assert stops == [
        "set/c: holds no picture (class folders without pictures)",
        "1 picture cannot be read",
    ]
    Path("set/c").rmdir()
    Path("set/a/0.png").write_bytes(png(bar(0, 0)))
    succeed("data", "check", "set")


def test_pictures_of_kinds_that_are_not_read_are_counted_before_a_training_too() -> None:
    write(*CLASSES, "a/x.tif", "b/y.TIF", "b/z.gif", "notes.txt")
    said = "3 files in unsupported formats (.gif, .tif); supported are PNG, JPEG, BMP, WEBP"
    checked = succeed("data", "check", "set").out
    assert said in checked
    assert "1 file not used: notes.txt" in checked
    ran = succeed("run", "--model", "fashion_mlp", "--data", "set", "--steps", "1")
    assert f"warning: {said}" in ran.err


def test_a_folder_of_such_files_alone_says_so() -> None:
    write("a/x.tif", "b/y.tif")
    checked = clfw("data", "check", "set")
    assert checked.code == 65
    assert (
        "2 files in unsupported formats (.tif); supported are PNG, JPEG, BMP, WEBP" in checked.err
    )
    assert "arrange" not in checked.err


def test_pictures_without_class_folders_are_said_to_be_so() -> None:
    write("0.png", "1.png")
    checked = clfw("data", "check", "set")
    assert checked.code == 65
    assert "2 pictures but no class folders" in checked.err
