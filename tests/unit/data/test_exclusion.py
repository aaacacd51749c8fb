"""Exclude lists: which rows they leave out, what they change, and what is wrong with one."""

from pathlib import Path

import numpy as np
import pytest

from clfw.config.data_params import DataParams
from clfw.data.exclusion import exclude_lines, excluded_rows, require_new, write_list
from clfw.data.rows import LEFT_OUT, check_rows, fingerprint
from clfw.errors import DataError, InputMissing, OutputError
from clfw.io.text_files import read_json
from commandline import assert_refused, clfw, succeed
from row_tables import table
from tiny_sets import png, read_list, register, write_bars
from tiny_sets import write_list as write_csv_list

KEYS = ("a", "b", "a", "c")
SPLITS = ("train", "train", "test", "test")
FOUR = table(["x", "y", "x", "y"], SPLITS, KEYS)


def excluded(text: str) -> dict[int, str]:
    """What a list with this text leaves out of the four rows."""
    Path("list.csv").write_text(text, encoding="utf-8")
    return excluded_rows(Path("list.csv"), FOUR)


def test_a_row_is_named_by_its_key_and_by_its_split_where_keys_are_equal() -> None:
    assert excluded("key,reason\nb,blurred\nc,\n") == {1: "blurred", 3: ""}
    assert excluded("key,split\na,test\n") == {2: ""}
    assert excluded('split,reason,key\n,why,b\ntrain,"so, so",a\n') == {1: "why", 0: "so, so"}
    assert excluded("key,split,reason\n") == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("key\nb\nd\n", "list.csv:3 (column key): 'd' is the key of no row"),
        ("key,split\nb,test\n", "list.csv:2 (column key): 'b' is the key of no row of the test"),
        ("key\na\n", "list.csv:2 (column key): 'a' is the key of 2 rows"),
        ("key,split\na,tset\n", "list.csv:2 (column split): 'tset' is not a split"),
        ("id,reason\na,x\n", "list.csv:1: no column 'key'; the columns are id, reason"),
        ("key,reason\na\n", "list.csv:2"),
        ("", "the file is empty"),
    ],
)
def test_a_line_that_names_no_row_is_an_error_with_its_place(text: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        excluded(text)
    assert message in caught.value.message


def test_all_lines_that_name_no_row_are_told_at_once() -> None:
    with pytest.raises(DataError) as caught:
        excluded("key\n" + "".join(f"no{number}\n" for number in range(30)))
    assert caught.value.message.startswith("30 lines of the exclude list that match no single row")
    assert "and 10 more" in caught.value.message


def test_a_list_that_is_not_there_is_missing_input() -> None:
    with pytest.raises(InputMissing, match=r"gone\.csv"):
        excluded_rows(Path("gone.csv"), FOUR)


def test_what_is_written_names_the_same_rows_again() -> None:
    odd = table(["x"] * 4, "train", ['say "a"', "b,c", " d ", "è\né"])
    reasons = {0: "x, y", 2: "blank", 3: 'a "quote"'}
    write_list(Path("out.csv"), exclude_lines(odd, reasons))
    assert excluded_rows(Path("out.csv"), odd) == reasons
    with pytest.raises(OutputError, match="already exists"):
        require_new(Path("out.csv"))
    with pytest.raises(OutputError, match="no folder"):
        require_new(Path("no/out.csv"))


def test_a_row_left_out_is_in_no_split_and_its_label_makes_no_class() -> None:
    whole = table(["x", "y", "z", "x", "y"], ["train"] * 4 + ["test"])
    found = check_rows(whole, DataParams(validation=0.0), {2: "typo", 3: "twin"})
    assert found.classes == ("x", "y")
    assert found.split.tolist() == [0, 0, LEFT_OUT, LEFT_OUT, 2]
    assert found.counts() == {"train": 2, "validation": 0, "test": 1}
    foreign = table(["x", "y", "typo"], ["train", "train", "test"])
    assert check_rows(foreign, DataParams(), {2: ""}).targets.tolist() == [0, 1, -1]


def test_leaving_rows_out_moves_no_other_row_and_changes_the_fingerprint() -> None:
    many = table(["x", "y"] * 100)
    values = DataParams(validation=0.3)
    whole, less = check_rows(many, values), check_rows(many, values, {4: "", 7: ""})
    kept = np.setdiff1d(np.arange(200), [4, 7])
    assert (whole.split[kept] == less.split[kept]).all()
    assert fingerprint(whole, "pixels") != fingerprint(less, "pixels")


@pytest.fixture
def bars(monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """Options that name a tiny set with one damaged picture and a list that leaves it out."""
    monkeypatch.setattr("clfw.runs.end.draw_pictures", lambda *_: None)
    folder = write_bars(Path("bars"))
    (folder / "train" / "4.png").write_bytes(png(np.zeros((4, 4), np.uint8))[:30])
    write_csv_list(Path("bad.csv"), [("key", "split", "reason"), ("4", "train", "cut off")])
    registry = register(Path("bars.toml"), "bars", folder.absolute())
    return ("--registry", str(registry), "--data", "bars", "--set", "data.exclude=bad.csv")


def test_a_run_leaves_the_rows_out_and_names_them(bars: tuple[str, ...]) -> None:
    run = ("run", *bars, "--model", "fashion_cnn", "--epochs", "1", "--out", "done")
    finished = succeed(*run)
    assert "exclude 1 row left out by bad.csv" in finished.err.splitlines()
    assert read_list(Path("done/excluded.csv")) == [
        {"key": "4", "split": "train", "reason": "cut off"}
    ]
    assert "4" not in [row["key"] for row in read_list(Path("done/split.csv"))]
    assert read_json(Path("done/data.json"))["excluded"] == 1
    assert read_json(Path("done/plan.json"))["data"]["values"]["exclude"] == {
        "value": "bad.csv", "origin": "--set",
    }  # fmt: skip
    assert "warning" not in succeed("eval", "done", *bars).err
    assert "1 row out of the run, and keeps 0 out here" in succeed("eval", "done", *bars[:4]).err
    Path("bad.csv").write_text("key\n4\n5\n")
    assert (
        "an exclude list kept 1 row out of the run, and keeps 2 out here"
        in succeed("eval", "done", *bars).err
    )
    changed = clfw("resume", "done", "--epochs", "2", *bars[:2])
    assert changed.code == 65
    assert "has changed since the run was started" in changed.err


def test_a_list_that_names_no_row_stops_a_run_before_anything_is_made(
    bars: tuple[str, ...],
) -> None:
    Path("bad.csv").write_text("key\nnone\n")
    finished = clfw("run", *bars, "--model", "fashion_cnn")
    assert_refused(finished, 65, "bad.csv:2 (column key): 'none' is the key of no row")


def test_a_submission_needs_every_test_row(bars: tuple[str, ...]) -> None:
    succeed("run", *bars, "--model", "fashion_cnn", "--epochs", "1", "--out", "done")
    Path("bad.csv").write_text("key,split\n4,train\n31,test\n")
    predicted = clfw("predict", "done", *bars, "--split", "test", "--out", "sub.csv")
    assert predicted.code == 2
    assert "leaves rows of the test split out" in predicted.err
