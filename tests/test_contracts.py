"""What every registered architecture, dataset and entry promises, tried on each of them."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from clfw.components import Architecture, Dataset, load
from clfw.decoding import decode
from clfw.errors import InputMissing, TaskNotSupported, UsageError
from clfw.manager import Catalog, installed_catalog
from clfw.opening import open_data, task_of
from clfw.params import Layer, Params, params_class, resolve
from clfw.plan import Plan, Request, resolve_plan
from clfw.preprocess import Preprocess
from clfw.registry import packaged_registry, parse, read_registry
from clfw.source import SPLITS
from clfw.task import Task
from clfw.weights import build_model, require_output, restore_model, save_weights
from clfw.weightsfile import read_header

TASKS = {
    "grey digits": Task(classes=tuple("0123456789"), channels=1, height=28, width=28),
    "wide, colour": Task(classes=("ant", "bee"), channels=3, height=32, width=48),
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


def parameters(component: Architecture | Dataset, **wished: object) -> Params:
    """Its defaults, with those of the wishes that it knows and without anything to fetch."""
    cls = params_class(component)
    wishes = {"backbone_weights": "random", **wished}
    return cls.model_validate({k: v for k, v in wishes.items() if k in cls.model_fields})


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


def build(component: Architecture, task: Task, folder: Path) -> tuple[nn.Module, Params, Task]:
    params, task = suited(component, parameters(component), task, folder)
    return build_model(component, params, task), params, task


def smallest(component: Architecture, folder: Path) -> tuple[nn.Module, Params, Task]:
    """Built for the first task that it supports."""
    for task in TASKS.values():
        try:
            return build(component, task, folder)
        except TaskNotSupported:
            continue
    pytest.fail(f"{component.name} supports none of {', '.join(TASKS)}")


@pytest.mark.parametrize("name", names("architecture"))
def test_an_architecture_gives_a_logit_a_class_or_says_why_not(name: str, tmp_path: Path):
    component = architecture(name)
    supported = 0
    for task in TASKS.values():
        try:
            model, _, own = build(component, task, tmp_path)
        except TaskNotSupported as refusal:
            assert name in refusal.message or "pixels" in refusal.message
            assert "--set " in refusal.hint
            continue
        supported += 1
        assert not component.channels or own.channels in component.channels
        images = torch.rand(3, own.channels, own.height, own.width)
        with torch.inference_mode():
            logits = model.eval()(images)
        assert (logits.shape, logits.dtype) == ((3, own.num_classes), torch.float32)
        assert torch.isfinite(logits).all()
        require_output(model, own, name)
    assert supported


@pytest.mark.parametrize("name", names("architecture"))
def test_an_architecture_refuses_pictures_of_one_pixel_clearly(name: str, tmp_path: Path):
    """Or serves them: what it may not do is fail in the middle of a run."""
    task = Task(classes=("a", "b"), channels=1, height=1, width=1)
    try:
        model, _, own = build(architecture(name), task, tmp_path)
    except TaskNotSupported as refusal:
        assert "1x1" in refusal.message
        return
    require_output(model, own, name)


@pytest.mark.parametrize("name", names("architecture"))
def test_every_trainable_parameter_gets_a_gradient(name: str, tmp_path: Path):
    torch.manual_seed(0)
    model, _, task = smallest(architecture(name), tmp_path)
    with torch.no_grad():  # scales that start at zero would hide what lies behind them
        for parameter in model.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    model.train()
    images = torch.randn(8, task.channels, task.height, task.width)
    targets = torch.arange(8) % task.num_classes
    nn.functional.cross_entropy(model(images), targets).backward()
    trainable = {n: p for n, p in model.named_parameters() if p.requires_grad}
    assert trainable
    for tensor, parameter in trainable.items():
        assert parameter.grad is not None, tensor
        assert torch.isfinite(parameter.grad).all(), tensor
        assert parameter.grad.any(), tensor


@pytest.mark.parametrize("name", names("architecture"))
def test_weights_come_back_bit_by_bit(name: str, tmp_path: Path):
    component = architecture(name)
    torch.manual_seed(1)
    model, params, task = smallest(component, tmp_path)
    path = tmp_path / "model.safetensors"
    save_weights(path, model, description(component, params, task))
    again = restore_model(read_header(path), catalog())
    before, after = model.state_dict(), again.state_dict()
    assert list(before) == list(after)
    for tensor in before:
        assert torch.equal(before[tensor], after[tensor]), tensor
    images = torch.rand(2, task.channels, task.height, task.width)
    with torch.inference_mode():
        assert torch.equal(model.eval()(images), again(images))


def description(component: Architecture, params: Params, task: Task) -> dict[str, Any]:
    """What a run would write into the file."""
    spread = {"mean": (0.5,) * task.channels, "std": (0.25,) * task.channels}
    preprocess = Preprocess(channels=task.channels, height=task.height, width=task.width, **spread)
    return {
        "model": {"component": component.name, "values": params.model_dump(mode="json")},
        "classes": list(task.classes),
        "preprocess": preprocess.to_json(),
        "data": {"source": "sample"},
        "metrics": {},
    }


@pytest.mark.parametrize("name", names("architecture"))
def test_equal_seeds_give_equal_weights_and_other_seeds_other_ones(name: str, tmp_path: Path):
    def weights(seed: int) -> Mapping[str, torch.Tensor]:
        torch.manual_seed(seed)
        return smallest(architecture(name), tmp_path)[0].state_dict()

    first, second, other = weights(3), weights(3), weights(4)
    assert all(torch.equal(first[tensor], second[tensor]) for tensor in first)
    assert not all(torch.equal(first[tensor], other[tensor]) for tensor in first)


def planned(**request: str) -> Plan:
    return resolve_plan(Request(**request), catalog(), read_registry())


def task_of_plan(plan: Plan) -> Task:
    """The task that the plan's data poses, from its values and its rows."""
    rows = open_data(plan.data).rows
    values = plan.data.values.params
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


@pytest.mark.parametrize("kind", ["architecture", "dataset", "augmentation"])
def test_the_references_of_every_component_resolve(kind: str):
    for name in names(kind):
        component = catalog().find(kind, name).component  # type: ignore[arg-type]
        assert component.summary
        assert re.fullmatch(r"[^\n]{10,120}", component.summary)
        for field in ("open", "build", "prepare", "initialise", "convert"):
            if getattr(component, field, ""):
                assert callable(load(getattr(component, field)))
        cls = params_class(component)
        for parameter, field in cls.model_fields.items():
            assert field.description, f"{name}.{parameter}"
        with pytest.raises(UsageError, match="no such parameter"):
            resolve(cls, [Layer("--set", {"no_such_key": 1})], "model")


FREE = [n for n in names("dataset") if not catalog().find("dataset", n).component.needs_path]  # type: ignore[union-attr]
FEW = {"train": 20, "test": 20, "validation_pictures": 10, "side": 32}


def source(name: str, **values: object) -> Any:
    component = catalog().find("dataset", name).component
    assert isinstance(component, Dataset)
    return load(component.open)(parameters(component, **FEW, **values), None)


@pytest.mark.parametrize("name", FREE)
def test_a_dataset_without_files_has_a_sound_table(name: str, monkeypatch: pytest.MonkeyPatch):
    def decodes(*_: object, **__: object) -> None:
        raise AssertionError("a picture was decoded to open the dataset")

    monkeypatch.setattr(cv2, "imdecode", decodes)
    monkeypatch.setattr(Image, "open", decodes)
    table = source(name).table()
    size = len(table.keys)
    columns = (table.labels, table.splits, table.stamps, table.places, table.groups or table.keys)
    assert size >= 20
    assert {len(column) for column in columns} == {size}
    assert len(set(zip(table.splits, table.keys, strict=True))) == size
    assert len(set(table.stamps)) == size
    assert set(table.splits) <= set(SPLITS)
    known = set(table.class_values or table.class_names)
    assert known
    assert {label for label in table.labels if label is not None} == known


@pytest.mark.parametrize("name", FREE)
def test_a_dataset_without_files_gives_pictures(name: str):
    opened = source(name)
    last = len(opened.table().keys) - 1
    plain = Preprocess(channels=3, height=16, width=16)
    pictures = [decode(opened.read(row), plain) for row in (0, 1, last)]
    for picture in pictures:
        assert (picture.shape, picture.dtype) == ((16, 16, 3), np.uint8)
        assert picture.std() > 5  # neither blank nor constant
    assert not np.array_equal(pictures[0], pictures[1])
    again = source(name)
    assert np.array_equal(decode(again.read(last), plain), pictures[2])


@pytest.mark.parametrize("name", FREE)
def test_a_dataset_keeps_its_identity_until_its_values_change(name: str):
    first = source(name).identity()
    assert source(name).identity() == first
    fields = params_class(catalog().find("dataset", name).component).model_fields
    assert fields, "nothing to vary"
    if "drawing_seed" in fields:
        assert source(name, drawing_seed=1).identity() != first


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
