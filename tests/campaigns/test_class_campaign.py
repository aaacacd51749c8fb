"""Weights on other class sets: each class by its name, or a refusal; never another class in silence.

The whole campaign: pytest -m slow tests/test_class_campaign.py -s
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from class_campaign import RELATIONS, Outcomes, campaign, trained_weights
from class_sets import ClassSet, write_set
from clfw.api import array_source, labels
from clfw.catalog.registry import read_registry
from clfw.data import rows
from clfw.inference import inputs
from clfw.plugins.manager import installed_catalog
from commandline import clfw

IN_THE_SUITE = 2 * len(RELATIONS)


def assert_clean(outcomes: Outcomes) -> None:
    """Every relation came to what it may, and both rightly and refused where it can."""
    print(f"\n{outcomes.summary()}")
    assert outcomes.faults == []
    assert {relation for relation, _ in outcomes.counts} == set(RELATIONS)
    kinds = {kind for _, kind in outcomes.counts}
    assert "wrong" not in kinds
    assert {"right to evaluate", "right to predict", "refused to evaluate"} <= kinds
    assert not outcomes.counts["others", "right to evaluate"]


def test_classes_are_right_by_name_or_refused(tmp_path: Path) -> None:
    assert_clean(campaign(IN_THE_SUITE, 0, tmp_path))


@pytest.mark.slow  # 2 minutes
def test_the_classes_of_a_thousand_pairs_of_sets_are_right_by_name_or_refused(
    tmp_path: Path,
) -> None:
    assert_clean(campaign(1000, 1, tmp_path))


def matched_by_position(patch: pytest.MonkeyPatch) -> None:
    """The n-th class of the data is taken for the n-th of the weights."""

    def with_classes(found: rows.Rows, classes: tuple[str, ...], numbers: Any) -> rows.Rows:
        return rows.replace(
            found, classes=classes, targets=np.minimum(found.targets, len(classes) - 1)
        )

    patch.setattr(inputs, "with_classes", with_classes)


def numbered_as_they_come(patch: pytest.MonkeyPatch) -> None:
    """Targets count the labels in the order of the rows."""
    whole = rows.class_indices

    def class_indices(table: Any, names: Any, values: Any, left_out: Any) -> Any:
        seen = [label for label in dict.fromkeys(table.labels) if label is not None]
        return whole(table, names, [*seen, *names][: len(names)], left_out)

    patch.setattr(rows, "class_indices", class_indices)


def always_numbers(patch: pytest.MonkeyPatch) -> None:
    """Predictions are written as numbers, however the data writes labels."""

    def label_texts(names: tuple[str, ...], values: Any, labels: Any) -> tuple[str, ...]:
        return values or tuple(str(number) for number in range(len(names)))

    patch.setattr(labels, "label_texts", label_texts)
    patch.setattr(array_source, "label_texts", label_texts)


@pytest.mark.parametrize("sabotage", [matched_by_position, numbered_as_they_come, always_numbers])
def test_the_campaign_catches_classes_that_are_wrong(
    sabotage: Callable[[pytest.MonkeyPatch], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sabotage(monkeypatch)
    assert campaign(2 * len(RELATIONS), 0, tmp_path, until_fault=True).faults


def set_of(names: tuple[str, ...], labels: tuple[str, ...], declared: str) -> ClassSet:
    """A labelled set of two pictures a class, read from pixels."""
    return ClassSet(
        reader="pixel_csv", names=names, labels=labels, declared=declared, train=names * 2,
        test=names, labeled=True, submission=False,
    )  # fmt: skip


PLAIN = set_of(("cat", "dog", "猫"), ("cat", "dog", "猫"), "nothing")


def used_by_command(other: ClassSet, command: str) -> Any:
    """`clfw eval` or `clfw predict` of weights trained on `PLAIN`, on the test split of another set."""
    here = Path.cwd()
    trained_weights(PLAIN, here, installed_catalog(), read_registry())
    write_set(other, here / "other")
    settings = [part for text in other.settings(here / "other") for part in ("--set", text)]
    data = ("--data", other.reader, "--split", "test", *settings, "--json")
    return clfw(command, "model.safetensors", *data)


@pytest.mark.parametrize(
    "other",
    [
        set_of(("猫", "dog", "cat"), ("0", "1", "2"), "names"),
        set_of(("dog", "cat", "猫"), ("cat", "猫", "dog"), "names and values"),
    ],
    ids=["numbers", "names of one another"],
)
def test_the_commands_match_classes_by_name(other: ClassSet) -> None:
    figures = used_by_command(other, "eval")
    assert figures.code == 0, figures.err
    assert figures.json["accuracy"] == 1.0
    assert [c["name"] for c in figures.json["per_class"]] == list(PLAIN.names)
    answers = used_by_command(other, "predict").json
    assert [answer["name"] for answer in answers] == list(other.test)
    assert [answer["label"] for answer in answers] == list(other.labels)


def test_the_commands_refuse_classes_that_the_weights_do_not_know() -> None:
    for command in ("eval", "predict"):
        finished = used_by_command(set_of(("Cat", "dog"), ("Cat", "dog"), "nothing"), command)
        assert finished.code == 65
        assert "1 row of classes that the weights do not know: 'Cat' (1)" in finished.err
        assert "the first is test.csv:2 (column label)" in finished.err
        assert finished.out == ""


def test_a_label_that_is_a_name_and_another_ones_number_is_refused() -> None:
    finished = used_by_command(set_of(("1", "0"), ("1", "0"), "names"), "eval")
    assert finished.code == 2
    assert "label '0' is the name of one class and the number of another, '1'" in finished.err
    assert "data.class_values" in finished.err
    for texts in (("1", "0"), ("0", "1")):
        other = set_of(("1", "0"), texts, "names and values")
        assert "the weights do not know" in used_by_command(other, "eval").err


def test_predictions_that_the_data_cannot_write_are_refused() -> None:
    other = ClassSet(
        reader="pixel_csv", names=("dog", "cat"), labels=("7", "8"), declared="names and values",
        train=("dog", "cat"), test=("cat", "dog"), labeled=False, submission=True,
    )  # fmt: skip
    finished = used_by_command(other, "predict")
    assert finished.code == 65
    assert "the weights know class '猫', for which the data has no label" in finished.err


def test_a_class_value_for_two_classes_is_refused() -> None:
    other = set_of(("cat", "dog"), ("7", "7"), "names and values")
    finished = used_by_command(other, "eval")
    assert finished.code == 2
    assert "class_values holds a name twice" in finished.err
