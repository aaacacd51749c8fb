"""Splits: declared, by a share, by folds, exactly; old rows stay where they are when rows are added."""

import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from clfw.api.source import SPLITS, Table
from clfw.config.data_params import DataParams
from clfw.data.rows import Rows, check_rows
from clfw.errors import DataError, UsageError
from clfw_plugins.csv_images.params import CsvImagesParams
from clfw_plugins.csv_images.reader import open_csv_images
from commandline import assert_refused, clfw, succeed
from tiny_sets import bar, png, read_list, write_bars, write_list

MANY = 5000
KINDS = ("cat", "dog", "owl")


def table(
    numbers: Sequence[int],
    splits: Sequence[str] = (),
    groups: Sequence[str] = (),
    labels: Sequence[str] = (),
) -> Table:
    """Rows named after their numbers, of three classes in turn."""
    return Table(
        keys=[f"photo-{n}.jpg" for n in numbers],
        labels=labels or [KINDS[n % 3] for n in numbers],
        splits=splits or ["train"] * len(numbers),
        versions=[f"s{n}" for n in numbers],
        locations=[f"list.csv:{n + 2}" for n in numbers],
        groups=groups,
    )


def held(rows: Rows) -> set[str]:
    """The keys held out."""
    return {rows.table.keys[row] for row in rows.of("validation").tolist()}


WAYS = {
    "share": DataParams(),
    "half": DataParams(validation=0.5, split_seed=3),
    "fold": DataParams(fold="2/5"),
    "another fold": DataParams(fold="7/9", split_seed=1),
}


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_no_old_row_changes_its_split_when_rows_are_added_and_reordered(
    way: str, grouped: bool
) -> None:
    def split_of(numbers: Sequence[int]) -> dict[str, int]:
        groups = [f"patient-{n % 700}" for n in numbers] if grouped else []
        rows = check_rows(table(numbers, groups=groups), WAYS[way])
        return dict(zip(rows.table.keys, rows.split.tolist(), strict=True))

    before = split_of(range(MANY))
    more = [*range(-1000, 3 * MANY)]
    random.Random(0).shuffle(more)
    after = split_of(more)
    assert len(after) == 3 * MANY + 1000
    assert sum(before[key] != after[key] for key in before) == 0
    assert len(set(before.values())) == 2


@pytest.mark.parametrize("stratify", [False, True])
@pytest.mark.parametrize("parts", [2, 5, 10])
def test_the_folds_divide_the_rows(parts: int, stratify: bool) -> None:
    folds = [
        held(check_rows(table(range(2000)), DataParams(fold=f"{k}/{parts}", stratify=stratify)))
        for k in range(1, parts + 1)
    ]
    assert sum(map(len, folds)) == 2000
    assert len(set.union(*folds)) == 2000
    deviation = (2000 / parts * (1 - 1 / parts)) ** 0.5
    assert all(abs(len(fold) - 2000 / parts) < (1 if stratify else 4 * deviation) for fold in folds)


def counts(rows: Rows, split: str) -> Counter[str]:
    """Rows of a split by class."""
    return Counter(rows.classes[t] for t in rows.targets[rows.of(split)].tolist())


@pytest.mark.parametrize("share", [0.1, 0.15, 0.5])
@pytest.mark.parametrize("sizes", [(300, 300, 300), (1000, 10, 33), (7, 5, 6)])
def test_exact_shares_are_exact_in_all_and_to_the_row_in_each_class(
    share: float, sizes: tuple[int, ...]
) -> None:
    labels = [kind for kind, size in zip(KINDS, sizes, strict=True) for _ in range(size)]
    numbers = range(len(labels))
    rows = check_rows(table(numbers, labels=labels), DataParams(validation=share, stratify=True))
    found = counts(rows, "validation")
    assert sum(found.values()) == int(sum(sizes) * share + 0.5)
    for kind, size in zip(KINDS, sizes, strict=True):
        assert abs(found[kind] - size * share) <= 1


@pytest.mark.parametrize("parts", [3, 5])
def test_exact_folds_have_the_same_share_of_every_class(parts: int) -> None:
    labels = [KINDS[0]] * 100 + [KINDS[1]] * 11 + [KINDS[2]] * 40
    for k in range(1, parts + 1):
        values = DataParams(fold=f"{k}/{parts}", stratify=True)
        found = counts(check_rows(table(range(151), labels=labels), values), "validation")
        for kind, size in zip(KINDS, (100, 11, 40), strict=True):
            assert abs(found[kind] - size / parts) < 1


@pytest.mark.parametrize("fold", ["", "2/5"])
def test_exact_splits_do_not_depend_on_the_order_of_the_rows(fold: str) -> None:
    values = DataParams(stratify=True, fold=fold)
    numbers = list(range(900))
    before = held(check_rows(table(numbers), values))
    random.Random(1).shuffle(numbers)
    assert held(check_rows(table(numbers), values)) == before


def test_rows_left_out_count_in_no_exact_share() -> None:
    left_out = dict.fromkeys(range(0, 300, 3), "bad")  # every cat
    found = check_rows(table(range(300)), DataParams(validation=0.2, stratify=True), left_out)
    assert counts(found, "validation") == {"dog": 20, "owl": 20}


def test_a_group_never_parts_whatever_holds_it_out() -> None:
    groups = [f"site-{n % 40}" for n in range(400)]
    for values in WAYS.values():
        rows = check_rows(table(range(400), groups=groups), values)
        for group in set(groups):
            of_group = [row for row, name in enumerate(groups) if name == group]
            assert len(np.unique(rows.split[of_group])) == 1


def test_groups_that_the_data_itself_parts_are_named_with_their_rows() -> None:
    splits = ["train", "train", "test", "train"]
    with pytest.raises(DataError) as caught:
        check_rows(table(range(4), splits, ["a", "b", "a", "b"]), DataParams())
    assert "group 'a' is in train (list.csv:2) and in test (list.csv:4)" in caught.value.message


@pytest.mark.parametrize("values", [{"fold": "1/2"}, {"stratify": True}])
def test_data_that_declares_its_validation_rows_is_not_divided_again(values: dict) -> None:
    splits = ["train", "validation", "train", "train", "train", "train"]
    with pytest.raises(UsageError) as caught:
        check_rows(table(range(6), splits), DataParams(**values))
    assert "has its own validation split, of 1 rows" in caught.value.message
    assert check_rows(table(range(6), splits), DataParams()).counts()["validation"] == 1


def test_groups_have_no_exact_share() -> None:
    with pytest.raises(UsageError, match="cannot be stratified exactly"):
        check_rows(table(range(6), groups=["a"] * 6), DataParams(stratify=True))


@pytest.mark.parametrize("fold", ["0/5", "6/5", "1/1", "1", "a/b", "1/0", "-1/5", "2/5000"])
def test_a_fold_that_is_none_is_refused(fold: str) -> None:
    write_bars(Path("bars"))
    words = ("run", "--model", "fashion_mlp", "--data", "csv_images", "--set", "data.path=bars")
    assert_refused(clfw(*words, f"--fold={fold}"), 2, "fold")


def test_a_fold_is_kept_with_the_run_and_held_out_again_in_evaluation() -> None:
    write_bars(Path("bars"))
    words = ("run", "--model", "fashion_mlp", "--data", "bars", "--fold", "2/5")
    finished = succeed(*words, "--steps", "1", "--json")
    run = finished.json
    written = read_list(Path(run["run"], "split.csv"))
    held_rows = sum(row["split"] == "validation" for row in written)
    assert f" {held_rows} validation, 6 test (no labels) (fold 2/5 held out, " in finished.err
    plan = succeed("inspect", run["run"], "--json").json
    assert plan["data"]["fold"] == "2/5"
    again = succeed("eval", run["run"], "--data", "bars", "--json").json
    assert again["count"] == held_rows
    assert again["accuracy"] == run["validation"]["accuracy"]


def listed(rows: Sequence[Sequence[object]], **values: object) -> Table:
    """The table of a list beside nine pictures."""
    for n in range(9):
        Path(f"{n}.png").write_bytes(png(bar(n % 3, n)))
    write_list(Path("list.csv"), rows)
    return open_csv_images(CsvImagesParams(**values), Path("list.csv").absolute()).table()


WORDS = ("train", "TRAIN", "Training", "val", "Valid", "VALIDATION", "test", "Testing", "train")


@pytest.mark.parametrize(("column", "values"), [("split", {}), ("part", {"split": "part"})])
def test_a_column_of_splits_is_read_whatever_its_case(
    column: str, values: dict[str, object]
) -> None:
    rows = [(f"{n}.png", n % 2, word) for n, word in enumerate(WORDS)]
    found = listed([("file", "label", column), *rows], **values)
    assert Counter(found.splits) == {"train": 4, "validation": 3, "test": 2}
    assert [SPLITS.index(split) for split in found.splits] == [0, 0, 0, 1, 1, 1, 2, 2, 0]


def test_a_column_of_splits_can_be_passed_over() -> None:
    rows = [(f"{n}.png", n % 2, word) for n, word in enumerate(WORDS)]
    assert set(listed([("file", "label", "split"), *rows], split="").splits) == {"train"}


def test_every_row_whose_split_is_none_is_named() -> None:
    rows = [(f"{n}.png", n % 2, "holdout" if n % 2 else "") for n in range(9)]
    with pytest.raises(DataError) as caught:
        listed([("file", "label", "split"), *rows])
    assert "9 rows that cannot be used:" in caught.value.message
    assert "list.csv:3 (column split): 'holdout' is not train, val or test" in caught.value.message


def test_a_test_row_of_a_column_of_splits_may_lack_its_label() -> None:
    rows = [(f"{n}.png", "" if n > 6 else n % 2, "test" if n > 6 else "train") for n in range(9)]
    assert listed([("file", "label", "split"), *rows]).labels[-3:] == ["0", None, None]


def test_more_than_twenty_faulty_rows_are_counted() -> None:
    rows = [(f"{n % 9}.png", "") for n in range(60)]
    with pytest.raises(DataError) as caught:
        listed([("file", "label"), *rows])
    lines = caught.value.message.splitlines()
    assert lines[0] == "60 rows that cannot be used:"
    assert lines[1] == "  list.csv:2 (column label): the label is empty"
    assert lines[-1] == "  and 40 more"
    assert len(lines) == 22


def test_an_empty_group_is_a_fault() -> None:
    with pytest.raises(DataError, match=r"list\.csv:3 \(column site\): the group is empty"):
        listed([("f", "label", "site"), ("0", "a", "x"), ("1", "b", "")], group="site")
