"""The drawn datasets as sources: rows, splits, repeatability; and the samples of the registry."""

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clfw import Dataset
from clfw.api.components import load
from clfw.api.params import params_class
from clfw.catalog.registry import Registry, read_registry
from clfw.plugins.manager import installed_catalog
from clfw_plugins.drawn import clfw_datasets, source
from clfw_plugins.drawn.source import DrawnSource

COMPONENTS = {component.name: component for component in clfw_datasets()}
GREY = ("drawn_garments", "drawn_digits")
EVERY = pytest.mark.parametrize("name", COMPONENTS)


def opened(name: str, **values: int) -> DrawnSource:
    """A drawn dataset of few and small pictures."""
    component = COMPONENTS[name]
    small = {"train": 12, "test": 6, **({} if name in GREY else {"side": 32})}
    if name == "drawn_insects":
        small["validation_pictures"] = 4
    drawn: DrawnSource = load(component.open)(params_class(component)(**{**small, **values}), None)
    return drawn


def pictures(drawn: DrawnSource) -> np.ndarray:
    """All pictures of a set."""
    return np.stack([drawn.read(row) for row in range(len(drawn.table().keys))])


@EVERY
def test_a_set_has_the_rows_asked_for_and_pictures_of_its_size(name: str) -> None:
    drawn = opened(name)
    table = drawn.table()
    assert list(table.splits).count("train") == 12
    assert list(table.splits).count("test") == 6
    shape = (28, 28) if name in GREY else (32, 32, 3)
    assert drawn.read(0).shape == shape
    assert drawn.read(len(table.keys) - 1).dtype == np.uint8
    assert set(table.labels) <= set(table.class_names)


@EVERY
def test_classes_are_balanced(name: str) -> None:
    table = opened(name, train=60).table()
    labels = [k for k, s in zip(table.labels, table.splits, strict=True) if s == "train"]
    counts = {labels.count(kind) for kind in table.class_names}
    assert counts == {60 // len(table.class_names)}


@EVERY
def test_the_same_values_draw_the_same_pictures_and_another_seed_others(name: str) -> None:
    once = pictures(opened(name))
    assert (once == pictures(opened(name))).all()
    assert not (once == pictures(opened(name, drawing_seed=1))).all(axis=(1, 2)).any()


@EVERY
def test_no_split_repeats_another(name: str) -> None:
    many = pictures(opened(name, train=20, test=20))
    assert len({picture.tobytes() for picture in many}) == len(many)


@EVERY
def test_asking_for_more_pictures_keeps_the_first_ones(name: str) -> None:
    few, more = opened(name), opened(name, train=20)
    assert more.table().labels[:12] == few.table().labels[:12]
    assert (pictures(more)[:12] == pictures(few)[:12]).all()


@EVERY
def test_stamps_change_with_every_value_that_changes_pictures(name: str) -> None:
    stamps = set(opened(name).table().versions)
    assert len(stamps) == len(opened(name).table().keys)
    assert not stamps & set(opened(name, drawing_seed=1).table().versions)


def test_the_side_of_colour_pictures_is_a_parameter() -> None:
    assert opened("drawn_animals", side=48).read(0).shape == (48, 48, 3)


def test_insects_have_validation_pictures_of_their_own() -> None:
    table = opened("drawn_insects", validation_pictures=5).table()
    assert list(table.splits).count("validation") == 5
    assert table.class_names == ("ants", "bees")


def test_another_line_in_the_drawing_code_changes_identity_and_stamps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = opened("drawn_digits")
    identity, stamps = before.identity(), set(before.table().versions)
    code = tmp_path / "source.py"
    code.write_text("side = 28\n")
    monkeypatch.setattr(source, "__file__", str(code))
    changed = opened("drawn_digits")
    assert changed.identity() != identity
    assert not set(changed.table().versions) & stamps


def test_blocks_are_drawn_when_read_each_once_whatever_the_threads() -> None:
    drawn = opened("drawn_digits", train=source.BLOCK + 10)
    calls: list[int] = []
    draw = drawn._draw

    def counted(labels: np.ndarray, seed: int) -> np.ndarray:
        calls.append(len(labels))
        return draw(labels, seed)

    drawn._draw = counted
    drawn.table()
    assert calls == []
    threads = [threading.Thread(target=drawn.read, args=(row,)) for row in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calls == [source.BLOCK]
    drawn.read(source.BLOCK)
    assert calls == [source.BLOCK, 10]


@EVERY
def test_the_blocks_of_a_split_differ(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "BLOCK", 6)
    many = pictures(opened(name, train=24))
    assert len({picture.tobytes() for picture in many}) == len(many)


REGISTRY: Registry = read_registry()
SAMPLED = {
    name: REGISTRY.entries["data", name]
    for name in REGISTRY.names("data")
    if "sample" in REGISTRY.entries["data", name].fields
}


@pytest.mark.parametrize("name", SAMPLED)
def test_a_bundled_sample_has_the_classes_of_its_entry(name: str) -> None:
    entry = SAMPLED[name]
    offer: Any = installed_catalog().find("dataset", entry.fields["sample"])
    component: Dataset = offer.component
    classes = load(component.open)(params_class(component)(), None).table().class_names
    declared = entry.table("values").get("class_names")
    assert declared is None or tuple(declared) == classes
    assert len(classes) >= 2


def test_the_entries_of_the_documents_each_have_a_sample() -> None:
    assert {"fashion_csv", "mnist", "digits_csv", "animals", "animals3", "hymenoptera"} <= set(
        SAMPLED
    )
