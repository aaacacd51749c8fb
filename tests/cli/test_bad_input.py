"""Bad data and places that cannot be written: one line with file and row, and a hint."""

import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from commandline import assert_refused, clfw
from tiny_sets import bar, pack, png, write_bars

DATA = ("--data", "csv_images", "--set", "data.path=bars", "--set", "data.validation=0.3")
RUN = ("run", "--model", "fashion_cnn", *DATA, "--steps", "1")
PICTURE = png(bar(1, 4))


def edit(name: str, old: str, new: str) -> Callable[[], None]:
    """Replace a part of a file of the set."""

    def act() -> None:
        path = Path("bars", name)
        text = path.read_bytes().decode()
        assert old in text
        path.write_bytes(text.replace(old, new, 1).encode())

    return act


def put(name: str, content: bytes) -> Callable[[], object]:
    """Write a file of the set."""
    return lambda: Path("bars", name).write_bytes(content)


def drop(name: str) -> Callable[[], None]:
    """Remove a file of the set."""
    return lambda: Path("bars", name).unlink()


BAD_DATA: dict[str, tuple[Callable[[], object], tuple[str, ...]]] = {
    "missing list": (drop("train.csv"), ("bars: no file 'train.csv'",)),
    "list of another name": (
        lambda: Path("bars/train.csv").rename("bars/trian.csv"),
        ("did you mean 'trian.csv'?",),
    ),
    "empty list": (put("train.csv", b""), ("train.csv:1: the file is empty",)),
    "list without rows": (
        put("train.csv", b"id,label\r\n"),
        ("train.csv:1: a header and no rows",),
    ),
    "missing label column": (
        edit("train.csv", "label", "kind"),
        ("train.csv:1: no column 'label'", "id, kind", "data.label=COLUMN"),
    ),
    "unnamed column": (edit("train.csv", "label", ""), ("train.csv:1: column 2 has no name",)),
    "column named twice": (
        edit("train.csv", "label", "id"),
        ("train.csv:1: column 'id' appears twice",),
    ),
    "short row": (
        edit("train.csv", "4,middle", "4"),
        ("train.csv:6 (column label): 1 values, expected 2",),
    ),
    "quote left open": (
        edit("train.csv", "4,middle", '4,"middle'),
        ("train.csv:6 (column 2): an unclosed quote",),
    ),
    "UTF-16 cut off": (
        lambda: put("train.csv", Path("bars/train.csv").read_text().encode("utf-16")[:-1])(),
        ("train.csv:31 (column 2): byte 0x0a is not UTF-16",),
    ),
    "row for the columns": (
        edit("train.csv", "id,label\r\n", ""),
        ("train.csv:1: no column 'label'",),
    ),
    "test row for the columns": (
        edit("test.csv", "id\r\n", ""),
        ("test.csv:1 (column 30): the first line is itself a row",),
    ),
    "id of two pictures": (
        put("train/4.bmp", PICTURE),
        ("train.csv:6 (column id): '4' may be 'train/4.bmp' and 'train/4.png'",),
    ),
    "picture of two ids": (
        edit("train.csv", "4,middle", "3.png,middle"),
        ("train.csv:6 (column id): '3.png' is the picture of '3'",),
    ),
    "Latin-1": (
        put("train.csv", b"id,label\n1,caf\xe9\n"),
        ("train.csv:2 (column 2): byte 0xe9 is not UTF-8",),
    ),
    "NUL": (put("train.csv", b"id,label\n1,a\0\n"), ("train.csv:2 (column 2): contains a NUL",)),
    "missing picture": (
        drop("train/4.png"),
        ("train.csv:6 (column id): no picture '4' in 'train'",),
    ),
    "missing test picture": (
        drop("test/31.png"),
        ("test.csv:3 (column id): no picture '31' in 'test'",),
    ),
    "id twice": (
        edit("train.csv", "4,middle", "3,bottom"),
        ("train.csv:6 (column id): '3' already appears at train.csv:5", "duplicate ids"),
    ),
    "id outside the set": (
        edit("train.csv", "4,middle", "../4,middle"),
        ("train.csv:6 (column id)", "'../4'", "--data LIST"),
    ),
    "empty label": (
        edit("train.csv", "4,middle", "4,"),
        ("train.csv:6 (column label): the label is empty",),
    ),
    "only one class": (
        lambda: put("train.csv", b"id,label\n" + b"".join(b"%d,a\n" % n for n in range(9)))(),
        ("only one class, 'a'",),
    ),
    "truncated picture": (put("train/4.png", PICTURE[:90]), ("train.csv:6: 4: does not decode",)),
    "empty picture": (put("train/4.png", b""), ("train.csv:6: 4: the file is empty",)),
    "web page as a picture": (
        put("train/4.png", b"<!DOCTYPE html><p>"),
        ("train.csv:6: 4: is a web page",),
    ),
    "huge picture": (
        put("train/4.png", PICTURE[:16] + struct.pack(">II", 60_000, 60_000) + PICTURE[24:]),
        ("train.csv:6: 4: ",),
    ),
    "bit of a picture turned": (
        put("train/4.png", PICTURE[:60] + bytes([PICTURE[60] ^ 4]) + PICTURE[61:]),
        ("train.csv:6: 4: ",),
    ),
    "submission of other ids": (
        edit("sample_submission.csv", "31,", "131,"),
        ("sample_submission.csv:6 (column id): '131' is no row of test.csv",),
    ),
}


@pytest.mark.parametrize("case", BAD_DATA)
def test_bad_data_is_refused_with_its_place(case: str):
    spoil, fragments = BAD_DATA[case]
    write_bars(Path("bars"))
    spoil()
    assert_refused(clfw(*RUN), 65, *fragments)


@pytest.mark.parametrize(
    ("settings", "fragments"),
    [
        (["data.image=picture"], ["train.csv:1: no column 'picture'", "data.image=COLUMN"]),
        (["data.group=patient"], ["train.csv:1: no column 'patient'", "data.group=COLUMN"]),
        (['data.class_names=["bottom", "middle"]', 'data.class_values=["bottom", "middle"]'],
         ["train.csv:4 (column label): label 'top' is not one of the 2 classes",
          "the classes are: bottom, middle"]),
        (['data.class_names=["bottom", "middle", "top", "side"]'],
         ["classes without a training row: side"]),
        (["data.validation=0.999"], ["the training split is empty"]),
    ],
)  # fmt: skip
def test_data_that_does_not_fit_its_values_is_refused(settings: list[str], fragments: list[str]):
    write_bars(Path("bars"))
    options = [part for setting in settings for part in ("--set", setting)]
    assert_refused(clfw(*RUN, *options), 65, *fragments)


def test_every_bad_picture_is_named_in_one_go():
    write_bars(Path("bars"), train=60)
    for number in range(0, 60, 2):
        Path(f"bars/train/{number}.png").write_bytes(PICTURE[:50])
    finished = clfw(*RUN)
    assert_refused(finished, 65, "30 unreadable pictures", "and 10 more")
    assert finished.err.count("does not decode") == 20


def test_a_damaged_zip_is_refused_by_member():
    write_bars(Path("bars"))
    archive = pack(Path("bars"), Path("bars.zip"))
    whole = archive.read_bytes()
    place = whole.index(b"train/4.png") + len(b"train/4.png") + 40
    archive.write_bytes(whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :])
    finished = clfw(*RUN, "--set", "data.path=bars.zip")
    assert_refused(finished, 65, "train.csv:6: 4: bars.zip/train/4.png: damaged")


@pytest.mark.parametrize("content", [b"no zip", b"PK\x03\x04 cut short", b""])
def test_a_file_that_is_no_zip_is_refused(content: bytes):
    Path("bars.zip").write_bytes(content)
    assert_refused(clfw(*RUN, "--set", "data.path=bars.zip"), 65, "bars.zip")


def test_the_place_of_the_runs_may_be_taken_by_a_file():
    write_bars(Path("bars"))
    Path("runs").write_text("a file")
    finished = clfw(*RUN)
    assert (finished.code, Path("runs").read_text()) == (73, "a file")
    assert "error: runs: cannot be created" in finished.err
    assert "hint: choose another folder with --out" in finished.err


def test_a_place_that_refuses_writing_is_told_before_anything_is_decoded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    write_bars(Path("bars"))
    allowed = os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode: mode != os.W_OK | os.X_OK and allowed(path, mode)
    )
    assert_refused(clfw(*RUN), 73, "is not a writable folder")
    assert not list((tmp_path / "cache").rglob("*.u8"))


def test_training_that_diverges_names_the_step_and_keeps_no_weights():
    write_bars(Path("bars"))
    finished = clfw(*RUN, "--steps", "40", "--lr", "100", "--set", "train.optimizer=sgd",
                    "--set", "train.schedule=constant", "--model", "fashion_mlp")  # fmt: skip
    assert finished.code == 79
    assert "error: step " in finished.err
    assert "hint: lower the learning rate" in finished.err
    assert not list(Path("runs").glob("*/model.safetensors"))
