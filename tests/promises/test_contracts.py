"""What every registered architecture, dataset and entry promises, tried on each of them."""

import re
import struct
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from clfw.api.components import Architecture, load
from clfw.api.params import Params, params_class
from clfw.api.preprocess import Preprocess
from clfw.api.source import SPLITS
from clfw.api.task import Task
from clfw.catalog.registry import packaged_registry, parse, read_registry
from clfw.config.data_choice import Request
from clfw.config.plan import Plan, resolve_plan
from clfw.data.opening import open_data, task_of
from clfw.errors import InputMissing, TaskNotSupported
from clfw.models.weights_io import build_model
from clfw.plugins.manager import Catalog, installed_catalog
from clfw.testing import checks, fault_of
from tiny_sets import BARS, bar, png, write_bars, write_list

TASKS = {
    "grey digits": Task(classes=tuple("0123456789"), channels=1, height=28, width=28),
    "colour": Task(classes=("a", "b", "c", "d", "e"), channels=3, height=64, width=64),
}


@cache
def catalog() -> Catalog:
    return installed_catalog()


def names(kind: str) -> list[str]:
    return sorted(name for k, name in catalog().offers if k == kind)


def entries(section: str) -> list[str]:
    return [e.name for e in parse(packaged_registry(), "clfw") if e.section == section]


def architecture(name: str) -> Architecture:
    component = catalog().find("architecture", name).component
    assert isinstance(component, Architecture)
    return component


def parameters(component: Architecture) -> Params:
    """Its defaults."""
    return params_class(component)()


def suited(
    component: Architecture, params: Params, task: Task, folder: Path
) -> tuple[Params, Task]:
    """The parameters and the task as the architecture's `prepare` makes them."""
    if not component.prepare:
        return params, task
    natural = Preprocess(channels=task.channels, height=task.height, width=task.width)
    params, own = load(component.prepare)(params, natural, folder)
    return params, Task(
        classes=task.classes, channels=own.channels, height=own.height, width=own.width
    )


def example_files(reader: str, folder: Path) -> None:
    """A dozen pictures of three classes, in the files that a reader reads by default."""
    labels = [number % 3 for number in range(12)]
    pictures = np.stack([bar(label, number) for number, label in enumerate(labels)])
    folder.mkdir()
    if reader == "image_folder":
        for number, label in enumerate(labels):
            (folder / BARS[label]).mkdir(exist_ok=True)
            (folder / BARS[label] / f"{number}.png").write_bytes(png(pictures[number]))
    elif reader == "pixel_csv":
        header = ["label", *(f"pixel{i}" for i in range(pictures[0].size))]
        rows = [[label, *p.ravel()] for label, p in zip(labels, pictures, strict=True)]
        write_list(folder / "train.csv", [header, *rows])
    elif reader == "idx_files":
        for split in ("train", "t10k"):
            head = struct.pack(">4I", 0x803, *pictures.shape)
            (folder / f"{split}-images-idx3-ubyte").write_bytes(head + pictures.tobytes())
            head = struct.pack(">2I", 0x801, len(labels))
            (folder / f"{split}-labels-idx1-ubyte").write_bytes(head + bytes(labels))
    elif reader == "arrays":
        np.savez(folder / "set.npz", train_images=pictures, train_labels=labels)
    else:
        folder.rmdir()
        write_bars(folder, train=12, test=3)


READERS = [n for n in names("dataset") if catalog().find("dataset", n).component.needs_path]  # type: ignore[union-attr]
FILES = dict.fromkeys(READERS, Path("files"))
CHECKS = {
    f"{subject}: {words}": (subject, words, check, plugin)
    for plugin in catalog().plugins
    for subject, words, check in checks(plugin, FILES)
}


@pytest.mark.parametrize("which", CHECKS)
def test_what_is_built_in_keeps_what_plugins_promise(which: str):
    subject, words, check, plugin = CHECKS[which]
    if subject in READERS:
        example_files(subject, Path("files"))
    assert fault_of(words, check, plugin) == ""


def planned(**request: str) -> Plan:
    return resolve_plan(Request(**request), catalog(), read_registry())


def task_of_plan(plan: Plan) -> Task:
    """The task that the plan's data poses, from its values and its rows."""
    rows = open_data(plan.data).rows
    values = plan.data.common
    side = values.image_size or 28
    height, width = (side, side) if isinstance(side, int) else side
    preprocess = Preprocess(channels=values.channels or 1, height=height, width=width)
    return task_of(rows, preprocess)


def count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(
    "name", [n for n in names("architecture") if architecture(n).parameter_count is not None]
)
def test_the_parameter_count_in_the_list_is_that_of_the_documents_task(name: str):
    """A recipe names the data of the document, with its size, channels and classes."""
    component = architecture(name)
    plans = [planned(recipe=recipe) for recipe in entries("recipes")]
    tasks = [task_of_plan(plan) for plan in plans if plan.model.component == component]
    assert tasks, "no recipe uses it"
    with torch.device("meta"):
        counts = {count(build_model(component, parameters(component), task)) for task in tasks}
    assert counts == {component.parameter_count}


@pytest.mark.parametrize("entry", entries("models"))
def test_a_model_entry_builds_for_colour_and_mostly_for_grey(entry: str, tmp_path: Path):
    """On the meta device, where a large network costs nothing."""
    plan = planned(model=entry, data="drawn_digits")
    for task in (TASKS["grey digits"], TASKS["colour"]):
        params = plan.model.params
        try:
            params, own = suited(plan.model.component, params, task, tmp_path)
        except InputMissing as missing:  # pretrained weights, which a run does not fetch
            assert "clfw fetch" in missing.hint
            params = params.model_copy(update={"backbone_weights": "random"})
            params, own = suited(plan.model.component, params, task, tmp_path)
        try:
            with torch.device("meta"):
                model = build_model(plan.model.component, params, own).eval()
                images = torch.empty(2, own.channels, own.height, own.width)
                assert model(images).shape == (2, own.num_classes)
        except TaskNotSupported as refusal:
            assert task is TASKS["grey digits"]
            assert "28x28" in refusal.message


@pytest.mark.parametrize("recipe", entries("recipes"))
def test_a_recipe_resolves_and_its_published_figures_are_shares(recipe: str):
    plan = planned(recipe=recipe)
    assert plan.recipe_name == recipe
    entry = read_registry().entries["recipes", recipe]
    assert entry.fields["document"]
    for split, figure in entry.table("published").items():
        assert split in SPLITS
        assert 0 < figure < 1


@pytest.mark.parametrize("entry", entries("data"))
def test_a_data_entry_has_a_sample_of_the_same_classes(entry: str):
    plan = planned(model="fashion_mlp", data=entry)
    assert plan.data.source == "sample"
    opened = open_data(plan.data)
    declared = read_registry().entries["data", entry].table("values").get("class_names")
    assert declared is None or list(opened.rows.classes) == declared
    for split in ("train", "validation"):
        targets = opened.rows.targets[opened.rows.of(split)]
        assert set(targets.tolist()) == set(range(len(opened.rows.classes)))


def test_every_entry_has_a_summary_of_one_line():
    for entry in parse(packaged_registry(), "clfw"):
        assert re.fullmatch(r"[^\n]{10,120}", entry.summary), entry.name
