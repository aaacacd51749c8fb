"""Rows after checking: classes in a stated order, splits, every fault named with its place."""

import dataclasses
import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clfw.api.source import Submission, Table
from clfw.config.data_params import DataParams
from clfw.data.rows import (
    Rows,
    check_rows,
    fingerprint,
    natural_key,
    read_table,
    refuse_untrainable,
    require_split,
    with_classes,
)
from clfw.data.split_file import pairs_of, split_csv
from clfw.errors import DataError, UsageError
from clfw.io.text_files import csv_bytes
from row_tables import table

WHOLE = DataParams(validation=0.0)


def rows(*arguments: Any, values: DataParams = WHOLE, **fields: Any) -> Rows:
    """The checked rows of a table."""
    return check_rows(table(*arguments, **fields), values)


def fault(*arguments: Any, values: DataParams = WHOLE, **fields: Any) -> DataError:
    """The error of checking a table, or of training on it."""
    with pytest.raises(DataError) as caught:
        refuse_untrainable(rows(*arguments, values=values, **fields))
    assert type(caught.value) is DataError
    return caught.value


def test_classes_are_the_training_labels_in_natural_order() -> None:
    found = rows(["10", "9", "b2", "b10", "a", "9", "1"])
    assert found.classes == ("1", "9", "10", "a", "b2", "b10")
    assert found.targets.tolist() == [2, 1, 4, 5, 3, 1, 0]
    assert found.targets.dtype == np.int64


@pytest.mark.parametrize(
    ("labels", "ordered"),
    [
        (["10", "2", "1"], ["1", "2", "10"]),
        (["img10", "img9"], ["img9", "img10"]),
        (["b", "B", "a"], ["B", "a", "b"]),
        (["1", "01", "001"], ["001", "01", "1"]),
        (["a", "10", ""], ["", "10", "a"]),
        (["x" + "9" * 5000, "x" + "1" + "0" * 5000], ["x" + "9" * 5000, "x" + "1" + "0" * 5000]),
        (["v1.10", "v1.9", "v1"], ["v1", "v1.9", "v1.10"]),
    ],
)
def test_natural_order(labels: list[str], ordered: list[str]) -> None:
    for rearranged in itertools.permutations(labels):
        assert sorted(rearranged, key=natural_key) == ordered


@given(st.lists(st.text(alphabet="a1029é٣²-", max_size=5)))
def test_natural_order_is_one_order_whatever_the_rows_order(labels: list[str]) -> None:
    ordered = sorted(labels, key=natural_key)
    backwards = labels[::-1]
    assert sorted(backwards, key=natural_key) == ordered
    numbers = [int(label) for label in ordered if label.isascii() and label.isdecimal()]
    assert numbers == sorted(numbers)


def test_the_order_of_the_rows_changes_neither_classes_nor_who_is_held_out() -> None:
    labels = [str(n % 3) for n in range(60)]
    keys = [f"k{n}" for n in range(60)]
    values = DataParams(validation=0.3)
    found = rows(labels, keys=keys, values=values)
    back = rows(labels[::-1], keys=keys[::-1], values=values)
    assert back.classes == found.classes
    assert back.split[::-1].tolist() == found.split.tolist()
    assert back.targets[::-1].tolist() == found.targets.tolist()


def test_declared_classes_keep_their_order_and_labels_are_names_or_values() -> None:
    declared = {"class_names": ("Shirt", "Bag"), "class_values": ("0", "1")}
    found = rows(["1", "0", "Bag", "Shirt"], **declared)
    assert (found.classes, found.class_values) == (("Shirt", "Bag"), ("0", "1"))
    assert found.targets.tolist() == [1, 0, 1, 0]


def test_declared_classes_without_values_are_their_own_values() -> None:
    found = rows(["b", "a"], class_names=("b", "a"))
    assert found.class_values == ("b", "a")
    assert found.targets.tolist() == [0, 1]


def test_rows_without_a_label_have_no_target_and_make_their_split_unlabelled() -> None:
    found = rows(["a", "b", None, "a"], ["train", "train", "test", "test"])
    assert found.targets.tolist() == [0, 1, -1, 0]
    assert found.labeled("train")
    assert not found.labeled("test")
    assert not found.labeled("validation")
    assert found.counts() == {"train": 2, "validation": 0, "test": 2}
    assert found.of("test").tolist() == [2, 3]


def test_a_validation_split_of_the_data_is_taken_as_it_is() -> None:
    splits = ["train", "validation", "train", "test"]
    found = rows(["a", "b", "b", "a"], splits, values=DataParams(validation=0.9))
    assert [found.of(split).tolist() for split in ("train", "validation", "test")] == [
        [0, 2], [1], [3],
    ]  # fmt: skip


def test_a_share_of_the_training_rows_is_held_out_and_test_rows_stay() -> None:
    labels = ["a", "b"] * 200
    found = rows(labels, ["train"] * 300 + ["test"] * 100, values=DataParams(validation=0.2))
    assert found.of("test").tolist() == list(range(300, 400))
    assert 30 < len(found.of("validation")) < 90
    other = rows(
        labels, ["train"] * 300 + ["test"] * 100, values=DataParams(validation=0.2, split_seed=1)
    )
    assert other.of("validation").tolist() != found.of("validation").tolist()


def test_rows_of_a_group_are_held_out_together() -> None:
    groups = [f"patient-{n // 10}" for n in range(300)]
    found = rows(["a", "b"] * 150, groups=groups, values=DataParams(validation=0.3))
    held = {groups[row] for row in found.of("validation")}
    assert held
    assert held.isdisjoint(groups[row] for row in found.of("train"))


def test_a_duplicate_id_is_named_with_both_lines() -> None:
    error = fault(["a", "b", "a"], keys=["x", "y", "x"])
    assert error.message == "list.csv:4: 'x' already appears at list.csv:2 (duplicate ids)"
    assert error.hint == "keep one row for each id"


@pytest.mark.parametrize("labels", [["a", "a"], ["a", "b"]])
def test_a_duplicate_id_is_a_fault_whether_or_not_the_labels_agree(labels: list[str]) -> None:
    assert "already appears at" in fault(labels, keys=["x", "x"]).message


def test_one_id_may_stand_in_two_splits() -> None:
    found = rows(["a", "b", "a"], ["train", "train", "test"], keys=["x", "y", "x"])
    assert len(found.of("test")) == 1


def test_many_faults_are_named_twenty_by_twenty() -> None:
    keys = ["x"] * 40
    lines = fault(["a"] * 40, keys=keys).message.splitlines()
    assert lines[0] == "39 duplicate ids:"
    assert lines[1] == "  list.csv:3: 'x' already appears at list.csv:2"
    assert len(lines) == 22
    assert lines[-1] == "  and 19 more"


def test_a_label_that_is_no_class_is_named_with_its_line_and_the_classes() -> None:
    error = fault(["0", "7", "1"], class_names=("Shirt", "Bag"), class_values=("0", "1"))
    assert error.message.startswith("list.csv:3: label '7' is not one of the 2 classes")
    assert error.hint == "the classes are: 0, 1"


@pytest.mark.parametrize("label", ["1.0", "01", " 1", "-1", "BAG", "Bag ", "Ва\u0433", ""])
def test_a_label_that_only_resembles_a_class_is_none(label: str) -> None:
    message = fault(
        ["0", "1", label], class_names=("Shirt", "Bag"), class_values=("0", "1")
    ).message
    assert "list.csv:4: label '" in message


def test_labels_in_another_unicode_form_are_other_classes() -> None:
    assert len(rows(["\u00e9", "e\u0301"]).classes) == 2


def test_a_class_that_only_validation_or_test_has_is_a_fault_of_that_row() -> None:
    for split in ("validation", "test"):
        error = fault(["a", "b", "c"], ["train", "train", split])
        assert error.message.startswith("list.csv:4: label 'c' is not one of the 2 classes")
        assert error.hint == "the classes are: a, b; a class needs training rows"


def test_a_class_all_of_whose_rows_are_held_out_is_named_as_such() -> None:
    keys = [f"k{n}" for n in range(200)]
    held = rows(["a"] * 200, keys=keys, values=DataParams(validation=0.2)).of("validation")
    labels = ["rare" if n == held[0] else "ab"[n % 2] for n in range(200)]
    error = fault(labels, keys=keys, values=DataParams(validation=0.2))
    summary, row = error.message.splitlines()
    assert summary == "classes without a training row: rare"
    assert row == f"  list.csv:{held[0] + 2}: 'rare' is in the validation split"
    assert "lower data.validation" in error.hint


def test_a_declared_class_without_a_row_is_named() -> None:
    error = fault(["a", "b"], class_names=("a", "b", "c", "d"))
    assert error.message == "classes without a training row: c, d"


@pytest.mark.parametrize(
    ("labels", "splits", "said"),
    [
        (["a", "a"], "train", "only one class, 'a': nothing to classify"),
        (["a", "b"], "test", "the training split is empty"),
        (
            ["a", None, "b"],
            "train",
            "list.csv:3: no label (rows of the train split without a label)",
        ),
        (["a", "b", None], ["train", "train", "validation"], "rows of the validation split"),
        ([None, None], "train", "2 rows of the train split without a label:"),
    ],
)
def test_what_cannot_be_trained_on_is_refused(
    labels: list[str | None], splits: Any, said: str
) -> None:
    if splits == "test":
        with pytest.raises(DataError, match=said):
            refuse_untrainable(rows(labels, splits, class_names=("a", "b")))
    else:
        assert said in fault(labels, splits).message


def test_escape_codes_in_keys_and_labels_are_shown_escaped() -> None:
    assert r"'\x1b[31m'" in fault(["a", "b"], keys=["\x1b[31m"] * 2).message
    assert r"label '\u202ex'" in fault(["a", "\u202ex"], class_names=("a", "b")).message


def test_a_split_that_is_asked_for_must_have_rows() -> None:
    found = rows(["a", "b"])
    require_split(found, "train")
    with pytest.raises(DataError, match="the test split is empty"):
        require_split(found, "test")
    with pytest.raises(UsageError, match="no split named 'tests'") as caught:
        require_split(found, "tests")
    assert caught.value.hint == "did you mean 'test'?"


def test_targets_follow_the_order_of_finished_weights_by_name() -> None:
    found = rows(["a", "b", "c", None], ["train", "train", "train", "test"])
    turned = with_classes(found, ("c", "x", "a", "b"), np.arange(4))
    assert turned.classes == ("c", "x", "a", "b")
    assert turned.targets.tolist() == [2, 3, 0, -1]


def test_a_class_that_the_weights_do_not_know_is_named_with_its_row() -> None:
    found = rows(["a", "b", "c"])
    with pytest.raises(
        DataError, match=r"do not know: 'c' \(1\); the first is list\.csv:4"
    ) as caught:
        with_classes(found, ("a", "b"), np.arange(3))
    assert caught.value.hint == "they know: a, b"
    assert with_classes(found, ("b", "a"), np.arange(2)).targets[:2].tolist() == [1, 0]


def test_the_fingerprint_changes_with_whatever_is_learned_from() -> None:
    labels, splits = ["a", "b", "a", "b"], ["train", "train", "train", "test"]
    whole = rows(labels, splits)
    prints = [
        fingerprint(whole, "pixels"),
        fingerprint(whole, "other"),
        fingerprint(rows(["a", "b", "b", "b"], splits), "pixels"),
        fingerprint(rows(labels, ["train", "train", "validation", "test"]), "pixels"),
        fingerprint(rows(labels, splits, keys=["0", "1", "2", "x"]), "pixels"),
        fingerprint(rows(labels, splits, class_names=("b", "a")), "pixels"),
    ]
    assert len(set(prints)) == len(prints)
    assert fingerprint(rows(labels, splits), "pixels") == prints[0]


@dataclass
class Counted:
    """A source that counts how often its table is made."""

    answer: Table
    name: str = "one"
    asked: int = 0

    def identity(self) -> str:
        return self.name

    def table(self) -> Table:
        self.asked += 1
        return self.answer

    def read(self, row: int) -> bytes:
        raise AssertionError("the table needs no picture")


READER = {"component": "lists", "version": "1", "values": {"label": "x"}}
FULL = table(
    ["a", None, "b"],
    ["train", "test", "validation"],
    keys=["\u00e9", "\udcff.png", "x"],
    groups=["g", "g", "h"],
    class_names=("a", "b"),
    class_values=("0", "1"),
    unused_files=("notes.txt",),
    submission=Submission(key_column="id", label_column="label", keys=("\udcff.png",)),
)  # fmt: skip


def as_lists(found: Table) -> dict[str, Any]:
    """A table's content; a column may be a list or a tuple."""
    fields = dataclasses.asdict(found)
    return {k: list(v) if isinstance(v, list | tuple) else v for k, v in fields.items()}


def test_a_table_is_made_once_and_read_back_as_it_was() -> None:
    for answer in (FULL, table(["a"])):
        source = Counted(answer, name=str(answer.unused_files))
        first, second = read_table(source, READER), read_table(source, READER)
        assert source.asked == 1
        assert as_lists(first) == as_lists(second) == as_lists(answer)
        assert second.submission == answer.submission


def test_another_source_reader_version_or_value_makes_another_table() -> None:
    read_table(Counted(FULL), READER)
    others = [
        (Counted(FULL, name="two"), READER),
        (Counted(FULL), {**READER, "version": "2"}),
        (Counted(FULL), {**READER, "component": "other"}),
        (Counted(FULL), {**READER, "values": {"label": "y"}}),
    ]
    for source, reader in others:
        read_table(source, reader)
        assert source.asked == 1


@pytest.mark.parametrize(
    "damage",
    [b"", b"{", b"[]", b"null", b"3", b"{}", b'{"keys": []}', b"\xff\xfe", b'{"submission": 3}']
    + [b'{"class_names":[],"class_values":[],"strays":[],"groups":[],"submission":{"x":1}}'],
)
def test_a_damaged_table_in_the_cache_is_made_again(damage: bytes, tmp_path: Path) -> None:
    source = Counted(FULL)
    read_table(source, READER)
    (cached,) = (tmp_path / "cache" / "tables").iterdir()
    whole = cached.read_bytes()
    cached.write_bytes(damage)
    assert as_lists(read_table(source, READER)) == as_lists(FULL)
    assert source.asked == 2
    assert cached.read_bytes() == whole


def test_a_table_that_is_refused_is_not_kept(tmp_path: Path) -> None:
    class Refusing(Counted):
        def table(self) -> Table:
            raise DataError("list.csv:1: no")

    with pytest.raises(DataError):
        read_table(Refusing(FULL), READER)
    assert list((tmp_path / "cache" / "tables").iterdir()) == []


ODD_KEYS = (
    "", " ", "plain", "a/b.png", "comma,", '"', 'a "b"', "new\nline", "\r", "tab\t", "é", "猫", "😀",
    "\udcff.png", "\u2028", "\ufeff", "=1+1", "'", "#", "\\", "NaN", "\0", ";",
)  # fmt: skip


@pytest.mark.parametrize("keys", [*((key, "other") for key in ODD_KEYS), ODD_KEYS])
def test_the_list_of_splits_is_what_a_csv_writer_writes(keys: tuple[str, ...]) -> None:
    splits = [("train", "test", "validation")[n % 3] for n in range(len(keys))]
    found = rows(["a"] * len(keys), splits, keys)
    assert len(pairs_of(found)) == len(keys)
    assert split_csv(found) == csv_bytes(("key", "split"), pairs_of(found))


def test_a_row_of_no_split_is_not_in_the_list_of_splits() -> None:
    for left_out in ("b", '"'):
        table_of_three = table("aaa", keys=("a", left_out, "c"))
        found = check_rows(table_of_three, WHOLE, {1: "a person says so"})
        assert split_csv(found) == b"key,split\na,train\nc,train\n"
