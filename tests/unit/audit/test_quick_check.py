"""What clfw looks for by itself before a training: equal pictures, labels that mislead."""

import itertools
import shlex
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clfw.audit import quick_check
from clfw.audit.confusables import look_alike, quote_names, reads_as_missing
from clfw.audit.duplicates import (
    classify_groups,
    equal_pictures,
    leaks_and_conflicts,
    redundant_rows,
    row_sums,
)
from clfw.audit.labels import misleading_labels
from clfw.audit.quick_check import warnings_of
from clfw.config.data_params import DataParams
from clfw.data.rows import check_rows
from clfw.io.text_files import read_json
from commandline import clfw, succeed
from row_tables import table
from tiny_sets import bar, png, register, write_bars


def groups(pictures: np.ndarray) -> list[tuple[int, ...]]:
    """Groups of equal pictures among these, which are rows 0, 1, …"""
    return equal_pictures(pictures, np.arange(len(pictures)), lambda count: None)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=40), st.sampled_from([1, 7, 8, 27, 64]))
def test_equal_pictures_are_found_and_no_others(kinds: list[int], length: int) -> None:
    distinct = np.random.default_rng(length).integers(0, 256, (7, length, 1, 1), np.uint8)
    distinct[:, 0, 0, 0] = np.arange(7)
    expected: dict[int, list[int]] = {}
    for row, kind in enumerate(kinds):
        expected.setdefault(kind, []).append(row)
    wanted = sorted(tuple(rows) for rows in expected.values() if len(rows) > 1)
    assert groups(distinct[kinds]) == wanted


def test_pictures_that_differ_in_one_pixel_by_one_level_are_not_equal() -> None:
    blank = np.full((5, 6, 6, 3), 128, np.uint8)
    for row, place in enumerate(((0, 0, 0), (5, 5, 2), (3, 1, 1)), 1):
        blank[(row, *place)] += 1
    assert groups(blank) == [(0, 4)]


def test_other_pictures_of_equal_sums_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = np.array([1, 2, 1, 3], np.uint8).reshape(4, 1, 1, 1)
    monkeypatch.setattr("clfw.audit.duplicates.row_sums", lambda flat, seen: np.zeros(4, np.uint64))
    assert groups(pictures) == [(0, 2)]


def test_a_set_larger_than_a_piece_is_summed_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    flat = np.random.default_rng(0).integers(0, 256, (50, 20), np.uint8)
    whole = row_sums(flat, lambda count: None)
    monkeypatch.setattr("clfw.audit.duplicates.PIECE", 60)
    pieces: list[int] = []
    assert (row_sums(flat, pieces.append) == whole).all()
    assert pieces == [3] * 16 + [2]


LABELS = ["x", "y", "x", "y", "x", "x"]
SPLITS = ["train", "train", "train", "train", "test", "test"]
SIX = check_rows(table(LABELS, SPLITS, groups=list("abcdef")), DataParams(validation=0.0))


def told(equal: list[tuple[int, ...]]) -> list[tuple[str, str]]:
    """Kind and summary of what follows from these groups of the six rows."""
    return [(f.kind, f.summary) for f in leaks_and_conflicts(classify_groups(equal, SIX), SIX)]


def test_a_picture_of_two_splits_is_a_leak_and_one_of_two_labels_a_contradiction() -> None:
    leak = "1 of 2 test pictures is in the train split too, pixel for pixel"
    assert told([(0, 4)]) == [("leak", leak)]
    assert told([(0, 1)]) == [
        ("contradiction", "2 pictures with equal pixels and different labels")
    ]
    assert told([(0, 2)]) == told([(4, 5)]) == []
    assert [kind for kind, _ in told([(1, 5), (0, 4)])] == ["leak", "contradiction"]
    assert told([(1, 5), (0, 4)])[0][1].startswith("2 of 2 test pictures are")


def test_the_example_says_which_rows_with_their_splits_and_labels() -> None:
    leak, contradiction = leaks_and_conflicts(classify_groups([(1, 4)], SIX), SIX)
    shown = "list.csv:3 '1' (train, y) = list.csv:6 '4' (test, x)"
    assert leak.details == contradiction.details == (shown,)
    assert leak.rows == contradiction.rows == (1, 4)


def test_a_row_left_out_takes_no_part() -> None:
    less = check_rows(SIX.table, DataParams(validation=0.0), {4: "leak"})
    assert leaks_and_conflicts(classify_groups([(0, 4)], less), less) == []
    assert classify_groups([(0, 2, 4)], less).repeated == [(0, 2)]


def test_what_is_proposed_to_be_left_out_spares_the_test_split_and_one_of_each_group() -> None:
    assert redundant_rows([(0, 2)], SIX) == {2: "same picture as list.csv:2 '0' (train)"}
    assert redundant_rows([(0, 4, 5)], SIX) == {0: "same picture as list.csv:6 '4' (test)"}
    other = "same picture as list.csv:7 '5' (test), with another label"
    assert redundant_rows([(1, 5)], SIX) == {1: other}
    assert redundant_rows([(0, 1)], SIX).keys() == {0, 1}
    assert redundant_rows([(4, 5)], SIX) == {}


@pytest.mark.parametrize(
    "names",
    [
        ("cat", "Cat"), ("cat", "c аt".replace(" ", "")), ("T shirt", "T_shirt"), ("dog", "dog\u200b"),
        ("1", "1.0"), ("1", "01"), ("e\u0301", "é"), ("ｃａｔ", "cat"), ("Straße", "STRASSE"),
        ("a b", "a\u00a0b"), ("НОС", "hoc"),
    ],
)  # fmt: skip
def test_names_that_look_alike_are_one_group(names: tuple[str, str]) -> None:
    assert look_alike(["other", *names]) == [names]
    one, two = quote_names(names).split(", ")
    assert one != two


def test_names_that_differ_to_the_eye_are_not_alike() -> None:
    names = [
        "1",
        "10",
        "-1",
        "1.5",
        "cat",
        "cats",
        "T-shirt",
        "c",
        "C++",
        "1.05",
        "кот",
        "kit",
        ".",
    ]
    for pair in itertools.combinations(names, 2):
        assert look_alike(pair) == [], pair


def test_names_for_no_value_are_known() -> None:
    assert all(map(reads_as_missing, ["NA", "nan", "N/A", "null", "NaN "]))
    assert not any(map(reads_as_missing, ["nana", "none", "0", "-", "native"]))


def test_misleading_names_are_told_unless_a_person_declared_them() -> None:
    labels = ["cat", "Cat", "nan", "dog"]
    found = misleading_labels(check_rows(table(labels), DataParams(validation=0.0)))
    assert [(f.kind, f.rows) for f in found] == [("alike", (0, 1)), ("missing", (2,))]
    assert found[0].details == ("'Cat', 'cat'",)
    declared = table(labels, class_names=tuple(labels))
    assert misleading_labels(check_rows(declared, DataParams(validation=0.0))) == []


@pytest.fixture
def leaking(monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """A run on bars of which one training picture is a test picture, and one has two labels."""
    monkeypatch.setattr("clfw.runs.end.draw_pictures", lambda *_: None)
    folder = write_bars(Path("bars"), test_labels=True)
    (folder / "train/0.png").write_bytes((folder / "test/30.png").read_bytes())
    (folder / "train/1.png").write_bytes((folder / "train/2.png").read_bytes())
    registry = register(Path("bars.toml"), "bars", folder.absolute())
    return ("run", "--registry", str(registry), "--data", "bars", "--model", "fashion_cnn",
            "--epochs", "1")  # fmt: skip


def test_a_run_warns_of_what_falsifies_it_and_writes_it_down(leaking: tuple[str, ...]) -> None:
    given = ("--set", "data.image_size=12", "--set", "data.mean=[0.5]", "--set", "data.std=[0.5]")
    lines = succeed(*leaking, *given, "--out", "done").err.splitlines()
    leak, contradiction = (line for line in lines if line.startswith("warning: "))
    assert leak.startswith("warning: 1 of 6 test pictures is in the ")
    assert "'0' (" in leak
    assert "'30' (test)" in leak
    assert contradiction.startswith("warning: 2 pictures with equal pixels and different labels: ")
    (note,) = (line for line in lines if "clfw data check" in line)
    words = shlex.split(note.partition("clfw ")[2])
    assert words == ["data", "check", "bars", *given]
    assert clfw(*words, *leaking[1:3]).code == 65
    found = read_json(Path("done/data.json"))["findings"]
    assert [finding["kind"] for finding in found[-2:]] == ["leak", "contradiction"]
    assert [row["key"] for row in found[-2]["rows"]] == ["0", "30"]


def test_a_sound_set_is_trained_on_without_a_warning(leaking: tuple[str, ...]) -> None:
    for number in (0, 1):
        Path(f"bars/train/{number}.png").write_bytes(png(bar(number, 99)))
    assert "warning" not in succeed(*leaking, "--out", "done").err
    assert read_json(Path("done/data.json"))["findings"] == []


def test_equal_pictures_of_a_large_set_are_looked_for_once(
    leaking: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clfw.audit.quick_check.SMALL", 0)
    first = succeed(*leaking).err
    monkeypatch.setattr("clfw.audit.quick_check.equal_pictures", None)  # a second look would fail
    again = succeed(*leaking).err
    warned = [line for line in again.splitlines() if line.startswith("warning: ")]
    assert len(warned) == 2
    assert all(line in first for line in warned)


def test_pictures_that_have_changed_are_compared_anew(
    leaking: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clfw.audit.quick_check.SMALL", 0)
    assert "is in the" in succeed(*leaking).err
    Path("bars/train/0.png").write_bytes(png(bar(0, 99)))
    assert "is in the" not in succeed(*leaking).err


@pytest.mark.parametrize("content", [b"", b"{}x", b"[[1,", b"[1]", b'[["x"]]', b"null"])
def test_a_damaged_record_of_equal_pictures_is_made_again(content: bytes) -> None:
    Path("groups.json").write_bytes(content)
    assert quick_check.stored_groups(Path("groups.json")) is None


def test_no_finding_is_no_line() -> None:
    assert warnings_of([], "bars") == []
