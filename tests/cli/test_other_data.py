"""`clfw eval` on data that has changed since the run, was moved, or is none of the run's."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from clfw.data.split_hash import held_out
from commandline import Finished, clfw, keep_to, succeed
from tiny_photos import KINDS, picture, write_photos
from tiny_sets import read_list


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder in which `photos` were trained on, with the run in `run`."""
    root = tmp_path_factory.mktemp("other_data")
    with pytest.MonkeyPatch.context() as patch:
        keep_to(root, patch)
        write_photos(Path("photos"), 40)
        succeed(
            "run", "--model", "fashion_cnn", "--data", "photos", "--epochs", "1", "--out", "run"
        )
        yield root / "work"


@pytest.fixture
def work(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The data and its run, in their place and free to be changed."""
    kept = tmp_path / "kept"
    shutil.copytree(finished, kept)
    monkeypatch.chdir(finished)
    yield finished
    shutil.rmtree(finished)
    shutil.copytree(kept, finished)


def warned(finished: Finished) -> list[str]:
    """The warning lines."""
    return [line for line in finished.err.splitlines() if line.startswith("warning: ")]


def one_of(split: str) -> str:
    """The name of the first picture of a split, with its class."""
    return next(row["key"] for row in read_list(Path("run/split.csv")) if row["split"] == split)


def unused_name(held: bool) -> str:
    """A name for another picture of `dark` that is held out of the training, or is not."""
    names = (f"dark/new {number}.png" for number in range(1000))
    return next(name for name in names if held_out([name], 0.1, 0) == [held])


def test_unchanged_data_is_not_warned_of(work: Path):
    assert warned(succeed("eval", "run")) == []


def test_a_training_picture_under_a_name_that_is_held_out_is_told(work: Path):
    old, new = one_of("train"), unused_name(held=True)
    Path("photos", old).rename(Path("photos", new))
    assert warned(succeed("eval", "run")) == [
        f"warning: the data is not what was trained on: 1 row new ('{new}'); 1 row gone ('{old}'); "
        "of the validation rows here, 1 was not among the run's, so may have been trained on"
    ]


def test_new_rows_are_counted_and_the_first_is_named(work: Path):
    for number in (100, 101, 102):
        Path("photos/dark", f"{number}.png").write_bytes(picture(0, number))
    (line,) = warned(succeed("eval", "run"))
    assert "trained on: 3 rows new ('dark/100.png', ...)" in line


def test_another_division_of_the_same_rows_is_told(work: Path):
    (line,) = warned(succeed("eval", "run", "--set", "data.split_seed=7"))
    assert " moved to another split ('" in line
    assert "so may have been trained on" in line


def test_other_pixels_under_the_same_names_are_told(work: Path):
    Path("photos", one_of("train")).write_bytes(picture(0, 999))
    assert warned(succeed("eval", "run")) == [
        "warning: the data is not what was trained on: pictures, labels or classes have changed"
    ]


def test_a_weights_file_without_its_run_knows_the_fingerprint(work: Path):
    shutil.copy("run/model.safetensors", "alone.safetensors")
    given = ("eval", "alone.safetensors", "--data", "photos")
    same = succeed(*given)
    assert (warned(same), "validation: accuracy" in same.out) == ([], True)
    Path("photos", one_of("train")).unlink()
    assert warned(succeed(*given)) == [
        "warning: the data is not what was trained on: its fingerprint differs"
    ]


def test_data_that_was_moved_is_named_and_taken_where_it_is_now(work: Path):
    before = succeed("eval", "run", "--json").json
    shutil.move("photos", "moved")
    refused = clfw("eval", "run")
    assert refused.code == 66
    assert refused.err.startswith(f"error: {work / 'photos'} is no longer there")
    assert refused.err.endswith("hint: name the place where it is now with --data PATH\n")
    moved = succeed("eval", "run", "--data", "moved", "--json")
    assert warned(moved) == []
    assert moved.json == {**before, "data": "moved"}


def test_other_data_without_splits_is_evaluated_whole(work: Path):
    write_photos(Path("other"), 9, first=70)
    told = succeed("eval", "run", "--data", "other")
    assert told.out.startswith("other (full), all: accuracy ")
    assert "18 pictures, all: the data has no splits" in told.out
    assert warned(told) == []
    facts = succeed("eval", "run", "--data", "other", "--json").json
    assert (facts["split"], facts["count"]) == ("all", 18)
    asked = succeed("eval", "run", "--data", "other", "--set", "data.validation=0.5", "--json").json
    assert asked["split"] == "validation"
    assert asked["count"] < 18


def test_other_data_of_the_same_name_is_none_of_the_runs(work: Path):
    write_photos(Path("elsewhere/photos"), 9, first=70)
    assert "18 pictures, all: " in succeed("eval", "run", "--data", "elsewhere/photos").out


def test_other_data_with_splits_of_its_own_keeps_them(work: Path):
    write_photos(Path("other/train"), 9, first=70)
    write_photos(Path("other/val"), 3, first=90)
    told = succeed("eval", "run", "--data", "other").out
    assert told.startswith("other (full), validation: ")
    assert told.splitlines()[0].endswith(", 6 pictures")


def test_classes_that_the_weights_do_not_know_are_counted_wherever_they_are(work: Path):
    write_photos(Path("other"), 9, (*KINDS, "odd"), first=70)
    refused = clfw("eval", "run", "--data", "other")
    assert refused.code == 65
    assert "'odd' (9)" in refused.err
    assert (
        len(refused.err.splitlines()) == 4
    )  # what was recognised, the error, a blank line, its hint


def test_a_class_without_pictures_has_no_shares(work: Path):
    shutil.rmtree(write_photos(Path("other"), 9, first=70) / "light")
    line = succeed("eval", "run", "--data", "other").out.splitlines()[-1].split()
    assert (line[0], line[2:]) == ("light", ["-", "-", "0"])
    light = succeed("eval", "run", "--data", "other", "--json").json["per_class"][1]
    assert (light["name"], light["recall"], light["f1"]) == ("light", None, None)


def test_a_row_that_cannot_be_read_has_no_probability(work: Path):
    write_photos(Path("other/test"), 2, first=70)
    Path("other/test/dark/bad.png").write_bytes(b"no picture")
    shutil.copytree("photos", "other/train")
    succeed("predict", "run", "--data", "other", "--out", "answers.csv")
    rows = {row["key"]: row for row in read_list(Path("answers.csv"))}
    assert len(rows) == 5
    bad = rows.pop("test/dark/bad.png")
    assert bad["probability"] == bad["label"] == ""
    assert all(float(row["probability"]) > 0.4 for row in rows.values())
