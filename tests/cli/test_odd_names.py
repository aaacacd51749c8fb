"""Names of files and folders that are no text, or that a terminal should not be sent."""

import os
from pathlib import Path

from clfw.io.text_files import read_json, write_json
from clfw.text import escape_lines
from killing import SMALL
from tiny_sets import bar, png, write_bars
from trials import Trial, trial

NO_TEXT = os.fsdecode(b"\xff")
RUN = ("run", "--model", "plain_cnn", "--set", "model.filters=[3]", "--steps", "1")


def write_folders(*classes: str) -> None:
    """A folder per class, six pictures in each."""
    for number, name in enumerate(classes):
        folder = Path("shapes", name)
        folder.mkdir(parents=True)
        for picture in range(6):
            (folder / f"{picture}.png").write_bytes(png(bar(number, picture)))


def learn() -> Trial:
    held_out = ("--set", "data.path=shapes", "--set", "data.validation=0.3")
    return trial([*RUN, "--data", "image_folder", *held_out, "--out", "run"])


def test_a_run_folder_may_have_any_name_and_no_terminal_is_sent_it():
    name = f"r{NO_TEXT}\x1b[2J"
    write_bars(Path("bars"))
    ended = [
        trial([*SMALL, "--out", name]),
        trial(["resume", name, "--epochs", "4"]),
        trial(["resume", name]),
        trial(["resume", name, "--epochs", "1"]),
    ]
    assert [each.code for each in ended] == [0, 0, 0, 2]
    for each in ended:
        assert (each.out + each.err).replace("\n", "").isprintable()
    assert read_json(Path(name, "summary.json"))["run"] == "r\\xff\x1b[2J"


def test_a_file_beside_the_pictures_may_have_any_name():
    write_folders("a", "b")
    Path("shapes/a", f"{NO_TEXT}.txt").touch()
    finished = learn()
    assert (finished.code, "files   1 file not used" in finished.err) == (0, True)
    assert read_json(Path("run/data.json"))["strays"] == ["a/\\xff.txt"]


def test_a_picture_may_have_any_name():
    write_folders("a", "b")
    Path("shapes/a/1.png").rename(f"shapes/a/{NO_TEXT}.png")
    assert learn().code == 0
    assert b"\xff.png" in Path("run/split.csv").read_bytes()


def test_a_class_that_is_no_text_is_refused_before_anything_is_made():
    write_folders("a", f"b{NO_TEXT}")
    ended = learn()
    assert ended.errors == [r"error: class 'b\udcff': the name is not valid Unicode text"]
    assert ended.code == 65
    assert not Path("run").exists()


def test_what_is_said_keeps_its_lines_and_loses_its_control_characters():
    assert escape_lines("one\n  two \x1b[31m three\u202e") == "one\n  two \\x1b[31m three\\u202e"


def test_json_with_half_a_character_can_be_read_again(tmp_path: Path):
    write_json(tmp_path / "a.json", {"name": f"a{NO_TEXT}\\"})
    assert read_json(tmp_path / "a.json") == {"name": "a\\xff\\"}
