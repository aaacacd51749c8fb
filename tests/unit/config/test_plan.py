"""The plan: names and values become one validated record, before torch and before any data."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field

from clfw.api.components import Architecture, Augmentation, Dataset
from clfw.api.params import Params
from clfw.catalog.registry import Entry, Registry, parse, resolve_extends
from clfw.config.data_choice import Request
from clfw.config.data_folders import data_folder, weights_folder
from clfw.config.plan import Plan, resolve_plan
from clfw.errors import ClfwError, InputMissing, PluginError, UsageError
from clfw.io.json_text import canonical_json
from clfw.plugins.manager import Catalog, Plugin, build_catalog


class NetParams(Params):
    """Of the test's network."""

    width: int = Field(4, ge=1, description="filters, channels")
    dropout: float = Field(0.0, ge=0, lt=1, description="share of the features")


class ListParams(Params):
    """Of the test's reader."""

    label: str = Field("label", description="column of labels")


class DrawnParams(Params):
    """Of the test's sample."""

    count: int = Field(10, ge=1, description="pictures")


class TurnParams(Params):
    """Of the test's augmentation."""

    degrees: float = Field(10.0, ge=0, le=180, description="largest angle, degrees")


HERE = __name__
COMPONENTS = (
    Architecture(name="net", summary="a network", build="x:y", params=f"{HERE}:NetParams"),
    Dataset(name="lists", summary="a reader", open="x:y", params=f"{HERE}:ListParams"),
    Dataset(
        name="drawn", summary="drawn", open="x:y", params=f"{HERE}:DrawnParams", needs_path=False
    ),
    Augmentation(name="turn", summary="turns", build="x:y", params=f"{HERE}:TurnParams"),
    Augmentation(name="flip", summary="mirrors", build="x:y"),
)
CATALOG = build_catalog(
    [Plugin(name="kit", module="kit", package="kit", version="1.0", components=COMPONENTS)]
)
TEXT = """
[models.wide]
component = "net"
values = { width = 16 }
train = { epochs = 7, lr = 0.5 }
augment = ["flip"]

[data.shoes]
component = "lists"
sample = "drawn"
values = { image_size = 28, channels = 1 }

[data.boots]
component = "lists"
values = { path = "boots_folder" }

[recipes.published]
model = "wide"
data = "shoes"
values.model = { dropout = 0.25 }
values.data = { validation = 0.2 }
values.train = { lr = 0.1, seed = 3 }

[recipes.turned]
extends = "published"
values.augment = [{ use = "turn", degrees = 5 }, "flip"]
"""


def registry(text: str = TEXT, origin: str = "clfw") -> Registry:
    """A registry of one layer."""
    path = Path("test.toml")
    path.write_text(text)
    entries = {(entry.section, entry.name): entry for entry in parse(path, origin)}
    return Registry({key: resolve_extends(entry, entries) for key, entry in entries.items()})


def plan(
    *settings: str,
    text: str = TEXT,
    origin: str = "clfw",
    catalog: Catalog = CATALOG,
    **request: Any,
) -> Plan:
    """The plan of `wide` on `shoes`, or of what `request` says."""
    names: Mapping[str, Any] = {} if "recipe" in request else {"model": "wide", "data": "shoes"}
    asked = Request(settings=settings, **{**names, **request})
    return resolve_plan(asked, catalog, registry(text, origin))


def refused(kind: type[ClfwError], *settings: str, **request: Any) -> ClfwError:
    """The error instead of a plan."""
    with pytest.raises(kind) as caught:
        plan(*settings, **request)
    assert type(caught.value) is kind
    assert "\n" not in caught.value.message
    return caught.value


def test_values_of_entry_recipe_and_options_lie_over_the_defaults_in_this_order() -> None:
    found = plan(
        "train.batch_size=16",
        "model.width=32",
        recipe="published",
        options={"lr": 0.2, "seed": 9},
    )
    train, origins = found.recipe.params, found.recipe.origins
    assert (train.epochs, origins["epochs"]) == (7, "model entry 'wide'")
    assert (train.lr, origins["lr"]) == (0.2, "--lr")
    assert (train.seed, origins["seed"]) == (9, "--seed")
    assert (train.batch_size, origins["batch_size"]) == (16, "--set")
    assert (train.patience, origins["patience"]) == (None, "default")
    assert origins["optimizer.betas"] == "default"
    assert found.model.params == NetParams(width=32, dropout=0.25)
    assert found.model.values.origins == {"width": "--set", "dropout": "recipe 'published'"}
    assert found.data.common.validation == 0.2
    assert found.data.common_values.origins["image_size"] == "data entry 'shoes'"


def test_an_options_origin_is_the_option_as_it_is_typed() -> None:
    assert plan(options={"batch_size": 4}).recipe.origins["batch_size"] == "--batch-size"


def test_names_on_the_command_line_stand_over_those_of_the_recipe() -> None:
    found = plan(recipe="published", model="net")
    assert found.model.entry == "net"
    assert found.model.params == NetParams(dropout=0.25)
    assert found.recipe.params.lr == 0.1
    assert found.recipe_name == "published"


def test_components_run_under_their_own_names() -> None:
    found = plan(model="net", data="drawn")
    assert (found.model.entry, found.data.entry) == ("net", "drawn")
    assert found.model.plugin.origin == "kit 1.0"
    assert (found.data.source, found.data.path) == ("full", None)


def test_the_plan_as_json_says_where_each_value_is_from() -> None:
    found = json.loads(json.dumps(plan("model.width=5").to_json()))
    assert found["model"]["values"]["width"] == {"value": 5, "origin": "--set"}
    assert found["model"]["package"] == "kit"
    assert found["data"]["values"]["channels"] == {"value": 1, "origin": "data entry 'shoes'"}
    assert found["data"]["source"] == "sample"
    assert found["train"]["lr"] == {"value": 0.5, "origin": "model entry 'wide'"}
    assert found["augment"][0]["component"] == "flip"


def test_without_files_the_sample_stands_in_and_keeps_cores_values() -> None:
    data = plan("data.validation=0.3").data
    assert (data.source, data.path) == ("sample", None)
    assert data.entry == "shoes"
    assert data.component.name == "drawn"
    assert data.params == DrawnParams()
    assert (data.common.image_size, data.common.validation) == (28, 0.3)


@pytest.mark.parametrize("name", ["shoes", "shoes.zip"])
def test_files_in_the_data_folder_take_the_place_of_the_sample(name: str, tmp_path: Path) -> None:
    (tmp_path / "data" / name).mkdir()
    data = plan("data.label=kind").data
    assert (data.source, data.path) == ("full", tmp_path / "data" / name)
    assert data.params == ListParams(label="kind")


def test_a_folder_is_taken_before_a_zip(tmp_path: Path) -> None:
    for name in ("shoes.zip", "shoes"):
        (tmp_path / "data" / name).mkdir()
    assert plan().data.path == tmp_path / "data" / "shoes"


def test_the_data_folder_of_the_request_stands_over_the_environments(tmp_path: Path) -> None:
    for folder in (tmp_path / "data", tmp_path / "elsewhere"):
        (folder / "shoes").mkdir(parents=True)
    asked = plan(data_folder=tmp_path / "elsewhere")
    assert asked.data.path == tmp_path / "elsewhere" / "shoes"
    assert weights_folder(asked.data_folder) == tmp_path / "elsewhere" / "weights"
    assert plan().data_folder == data_folder() == tmp_path / "data"


def test_without_the_environment_the_platforms_folder_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLFW_DATA_DIR", "")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    assert data_folder() != Path()
    assert data_folder().name == "data"
    assert data_folder().is_absolute()


def test_a_stray_folder_in_the_working_folder_is_not_a_packaged_entrys_data(
    tmp_path: Path,
) -> None:
    Path("shoes").mkdir()
    assert plan().data.source == "sample"


@pytest.mark.parametrize("origin", ["user", "project", "other.toml"])
def test_a_persons_own_entry_is_looked_for_in_the_working_folder_first(
    origin: str, tmp_path: Path
) -> None:
    for folder in (Path("boots_folder"), tmp_path / "data" / "boots_folder"):
        folder.mkdir()
    assert plan(data="boots", origin=origin).data.path == Path("boots_folder")
    assert plan(data="boots").data.path == tmp_path / "data" / "boots_folder"


def test_a_path_that_a_person_sets_is_tried_from_the_working_folder(tmp_path: Path) -> None:
    Path("here").mkdir()
    assert plan("data.path=here").data.path == Path("here")
    assert plan(f"data.path={tmp_path / 'work' / 'here'}").data.path == tmp_path / "work" / "here"


def test_a_path_may_start_at_home(tmp_path: Path) -> None:
    (tmp_path / "home" / "pictures").mkdir()
    assert plan("data.path=~/pictures").data.path == tmp_path / "home" / "pictures"


@pytest.mark.parametrize("path", ["absent", "x" * 5000, "a\0b", "absent/deeper"])
def test_a_path_that_a_person_sets_and_is_not_there_is_an_error_not_the_sample(path: str) -> None:
    error = refused(
        InputMissing, f"data.path='{path}'" if "\0" not in path else f"data.path={path}"
    )
    assert "data 'shoes': the data '" in error.message
    assert "--data-dir" in error.hint


def test_the_full_set_can_be_required(tmp_path: Path) -> None:
    error = refused(InputMissing, require_full=True)
    assert "data 'shoes': the full set 'shoes' is not in" in error.message
    assert str(tmp_path / "data") in error.message
    (tmp_path / "data" / "shoes").mkdir()
    assert plan(require_full=True).data.source == "full"


def test_an_entry_that_can_be_fetched_says_so() -> None:
    text = TEXT.replace('sample = "drawn"', "fetch = []\nsample = 'drawn'")
    assert "clfw fetch" not in refused(InputMissing, require_full=True, text=text).hint
    text = TEXT.replace('sample = "drawn"', "fetch = [{}]\nsample = 'drawn'")
    assert refused(InputMissing, require_full=True, text=text).hint.startswith("clfw fetch shoes")


def test_an_entry_without_a_sample_needs_its_files() -> None:
    assert "'boots_folder' is not in" in refused(InputMissing, data="boots").message


def test_the_sample_can_be_asked_for_beside_the_full_set(tmp_path: Path) -> None:
    (tmp_path / "data" / "shoes").mkdir()
    assert plan(sample=True).data.source == "sample"
    assert "--sample: data 'boots'" in refused(UsageError, data="boots", sample=True).message
    assert "--sample" in refused(UsageError, sample=True, require_full=True).message


def test_a_readers_setting_that_the_sample_would_ignore_is_refused() -> None:
    error = refused(UsageError, "data.label=kind")
    assert error.message.startswith("--set: data.label: has no effect on the bundled sample")
    assert "--data-dir" in error.hint


def test_the_augmentations_are_the_options_or_the_recipes_or_the_models() -> None:
    def names(**request: Any) -> list[str]:
        return [choice.entry for choice in plan(**request).augment]

    assert names() == ["flip"]
    assert names(augment=["turn"]) == ["turn"]
    assert names(augment=[]) == []
    assert names(recipe="published") == []
    assert names(recipe="turned") == ["turn", "flip"]
    assert names(recipe="turned", augment=["flip"]) == ["flip"]
    assert names(model="net") == []


def test_values_of_an_augmentation_come_from_its_table_and_from_set() -> None:
    (turn, _) = plan(recipe="turned").augment
    assert turn.params == TurnParams(degrees=5.0)
    assert turn.values.origins == {"degrees": "recipe 'turned'"}
    (turn,) = plan("augment.turn.degrees=3", augment=["turn"]).augment
    assert turn.params == TurnParams(degrees=3.0)
    assert turn.values.origins == {"degrees": "--set"}


def test_a_recipe_may_change_core_values_and_readers_values_of_the_data(tmp_path: Path) -> None:
    (tmp_path / "data" / "shoes").mkdir()
    text = TEXT.replace("{ validation = 0.2 }", '{ validation = 0.2, label = "kind" }')
    data = plan(recipe="published", text=text).data
    assert data.params == ListParams(label="kind")
    assert data.reader.values.origins["label"] == "recipe 'published'"


WRONG: dict[str, tuple[tuple[str, ...], dict[str, Any], str, str]] = {
    "no model": ((), {"model": "", "data": "shoes"}, "--model: needs a name", "clfw list"),
    "no data": ((), {"data": ""}, "--data: needs a name", "clfw list"),
    "unknown model": ((), {"model": "wyde"}, "no model named 'wyde'", "'wide'"),
    "unknown component": ((), {"model": "nett"}, "no model named 'nett'", "'net'"),
    "unknown data": ((), {"data": "shoe"}, "no data entry named 'shoe'", "'shoes'"),
    "unknown recipe": ((), {"recipe": "publishd"}, "no recipe named 'publishd'", "'published'"),
    "unknown augmentation": (
        (), {"augment": ["flipp"]}, "no augmentation named 'flipp'", "'flip'",
    ),
    "unknown model key": (("model.widht=3",), {}, "--set: model.widht: no such", "'width'"),
    "unknown train key": (("train.epoch=3",), {}, "--set: train.epoch: no such", "'epochs'"),
    "unknown data key": (("data.labell=x",), {}, "--set: data.labell: no such", "'label'"),
    "unknown data key of core": (("data.chanels=3",), {}, "data.chanels: no such", "'channels'"),
    "unknown augmentation key": (
        ("augment.turn.degree=3",), {"augment": ["turn"]}, "augment.turn.degree: no such",
        "'degrees'",
    ),
    "augmentation not in use": (
        ("augment.turn.degrees=3",), {}, "--set augment.turn: that augmentation is not in use",
        "add --augment turn",
    ),
    "unknown group": (("modle.width=3",), {}, "unknown group 'modle'", "'model'"),
    "augmentation named twice": (
        (), {"augment": ["flip", "turn", "flip"]}, "--augment: 'flip' is named twice", "once",
    ),
    "plateau under another schedule": (
        ("train.schedule=constant", "schedule.factor=0.3"), {},
        "--set: schedule.factor: schedule is constant, which does not use it",
        "--set train.schedule=plateau",
    ),
    "warmup of a constant rate": (
        ("train.schedule=constant", "schedule.warmup=0.3"), {},
        "--set: schedule.warmup: schedule is constant", "--set train.schedule=one_cycle",
    ),
    "momentum of Adam": (
        ("optimizer.momentum=0.8",), {}, "--set: optimizer.momentum: optimizer is adam",
        "--set train.optimizer=sgd",
    ),
    "unknown optimizer key": (
        ("optimizer.momentm=0.8",), {}, "--set: optimizer.momentm: no such", "'momentum'",
    ),
    "unknown optimizer": (
        ("train.optimizer=adma",), {}, "--set: train.optimizer: must be 'adam', 'adamw' or 'sgd'",
        "[adam, adamw, sgd]",
    ),
    "a key that has become the optimizer's": (
        ("train.betas=[0.9,0.99]",), {}, "--set: train.betas: no such parameter",
        "it is optimizer.betas now",
    ),
    "a key that has become the schedule's": (
        ("train.plateau_factor=0.3",), {}, "--set: train.plateau_factor: no such parameter",
        "it is schedule.factor now",
    ),
    "epochs beside steps": (
        (), {"options": {"epochs": 3, "steps": 100}},
        "train.steps and train.epochs: both say when", "leave one of them out",
    ),
    "model value out of range": (("model.width=0",), {}, "--set: model.width: must be", ">= 1"),
    "option out of range": ((), {"options": {"lr": -1.0}}, "--lr: train.lr: must be", "> 0"),
    "augmentation out of range": (
        ("augment.turn.degrees=181",), {"augment": ["turn"]},
        "--set: augment.turn.degrees: must be <= 180", "degrees",
    ),
    "data value out of range": (("data.channels=2",), {}, "--set: data.channels: must be", ""),
    "size of three numbers": (("data.image_size=[1,2,3]",), {}, "data.image_size: must be", ""),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRONG)
def test_each_wrong_thing_is_one_line_that_names_it(kind: str) -> None:
    settings, request, said, hint = WRONG[kind]
    error = refused(UsageError, *settings, **request)
    assert said in error.message
    assert hint in error.hint


@pytest.mark.parametrize(
    ("old", "new", "said", "hint"),
    [
        ("values = { width = 16 }", "values = { widht = 1 }", "model entry 'wide': model.widht", "'width'"),
        ("values = { width = 16 }", "values = { width = 0 }", "model entry 'wide': model.width: must", ""),
        ("train = { epochs = 7,", "train = { epoch = 7,", "model entry 'wide': train.epoch: no", "'epochs'"),
        ('augment = ["flip"]', 'augment = ["flop"]', "no augmentation named 'flop'", "'flip'"),
        ('augment = ["flip"]', "augment = [3]", "model entry 'wide': augment: item 1 is 3", ""),
        ('augment = ["flip"]', "augment = [{ degrees = 3 }]", "augment: item 1 is {'degrees': 3}", ""),
        ('augment = ["flip"]', 'augment = ["flip", ""]', "augment: item 2 is ''", ""),
        ('["flip"]', '[{ use = "turn", degree = 3 }]', "augment.turn.degree: no", "'degrees'"),
        ("channels = 1", "chanels = 1", "data entry 'shoes': data.chanels", "'channels'"),
        ("image_size = 28", "image_size = 0", "data entry 'shoes': data.image_size: must be", ""),
    ],
)  # fmt: skip
def test_a_fault_in_an_entry_is_laid_at_that_entry(
    old: str, new: str, said: str, hint: str
) -> None:
    error = refused(UsageError, text=TEXT.replace(old, new))
    assert said in error.message
    assert hint in error.hint


@pytest.mark.parametrize(
    ("old", "new", "said", "hint"),
    [
        ("values.train = {", "values.trian = {", "recipe 'published': values.trian: no", "'train'"),
        (
            "values.train = { lr = 0.1, seed = 3 }",
            "values.train = 3",
            "values.train: must be a",
            "",
        ),
        ("lr = 0.1, seed", "lrr = 0.1, seed", "recipe 'published': train.lrr: no such", "'lr'"),
        ("lr = 0.1, seed", "lr = 0, seed", "recipe 'published': train.lr: must be", "> 0"),
        ("{ dropout = 0.25 }", "{ dropout = 1 }", "recipe 'published': model.dropout: must", ""),
        ("{ validation = 0.2 }", "{ validation = 1 }", "recipe 'published': data.validation", ""),
        ('model = "wide"\ndata', "data", "--model: needs a name", "clfw list"),
        ('model = "wide"\ndata', 'model = "wid"\ndata', "no model named 'wid'", "'wide'"),
    ],
)
def test_a_fault_in_a_recipe_is_laid_at_that_recipe(
    old: str, new: str, said: str, hint: str
) -> None:
    error = refused(UsageError, recipe="published", text=TEXT.replace(old, new))
    assert said in error.message
    assert hint in error.hint


def test_a_recipes_augmentations_are_an_array() -> None:
    text = TEXT.replace(
        'values.augment = [{ use = "turn", degrees = 5 }, "flip"]', "values.augment = 'flip'"
    )
    error = refused(UsageError, recipe="turned", text=text)
    assert error.message.startswith("recipe 'turned': values.augment: must be an array")


def test_an_entry_whose_component_is_not_installed_is_a_plugins_fault() -> None:
    assert "no architecture named 'net'" in refused(PluginError, catalog=build_catalog([])).message


def test_the_sample_may_be_missing_too() -> None:
    text = TEXT.replace('sample = "drawn"', 'sample = "drawm"')
    error = refused(PluginError, text=text)
    assert "no dataset named 'drawm'" in error.message
    assert error.hint == "did you mean 'drawn'?"


def test_canonical_json_is_the_same_for_equal_values_and_refuses_nan() -> None:
    assert canonical_json({"b": 1, "a": [1.0, "é"]}) == canonical_json({"a": [1.0, "é"], "b": 1})
    assert canonical_json({"b": 1, "a": [True, None]}) == '{"a":[true,null],"b":1}'
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json(float("nan"))


def test_an_entry_for_a_component_is_only_made_up_for_the_look_up() -> None:
    found = registry().find("models", "net", CATALOG)
    assert found == Entry(
        name="net", section="models", origin="kit 1.0", fields={"summary": "a network"}
    )


def test_a_data_folder_that_is_named_and_absent_is_an_error_not_the_sample(
    tmp_path: Path,
) -> None:
    with pytest.raises(InputMissing, match="--data-dir: no folder"):
        plan(data_folder=tmp_path / "typo")


def test_a_data_folder_of_the_environment_that_is_absent_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CLFW_DATA_DIR", str(tmp_path / "typo"))
    plan()
    assert "CLFW_DATA_DIR: no folder" in capsys.readouterr().err


GROUPED = (
    TEXT
    + """
[models.swift]
component = "net"
train = { optimizer = "sgd", schedule = "plateau" }
optimizer = { momentum = 0.5 }
schedule = { patience = 2, factor = 0.2 }
loss = { label_smoothing = 0.1 }

[recipes.steady]
model = "swift"
data = "shoes"
values.train = { schedule = "cosine" }
values.schedule = { warmup = 0.3 }
"""
)


def test_what_belongs_to_one_optimizer_schedule_or_loss_is_a_group_of_its_own() -> None:
    found = plan("schedule.factor=0.4", model="swift", text=GROUPED).to_json()
    entry = "model entry 'swift'"
    assert found["optimizer"] == {
        "momentum": {"value": 0.5, "origin": entry},
        "nesterov": {"value": False, "origin": "default"},
    }
    assert found["schedule"] == {
        "factor": {"value": 0.4, "origin": "--set"},
        "patience": {"value": 2, "origin": entry},
        "min_lr": {"value": 1e-6, "origin": "default"},
    }
    assert found["loss"] == {"label_smoothing": {"value": 0.1, "origin": entry}}
    assert "momentum" not in found["train"]


def test_what_an_entry_says_of_another_choice_is_passed_over() -> None:
    found = plan("train.optimizer=adamw", recipe="steady", text=GROUPED).to_json()
    assert found["schedule"] == {"warmup": {"value": 0.3, "origin": "recipe 'steady'"}}
    assert {cell["origin"] for cell in found["optimizer"].values()} == {"default"}


@pytest.mark.parametrize(
    ("key", "now"), [("warmup", "schedule.warmup"), ("label_smoothing", "loss.label_smoothing")]
)
def test_an_entry_with_a_flat_key_is_refused_with_the_new_name(key: str, now: str) -> None:
    flat = (
        TEXT
        + f"""
[models.flat]
component = "net"
train = {{ {key} = 0.1 }}
"""
    )
    error = refused(UsageError, model="flat", text=flat)
    assert error.message == f"model entry 'flat': train.{key}: no such parameter"
    assert error.hint == f"it is {now} now"


def test_an_unknown_key_of_a_group_in_an_entry_is_refused() -> None:
    text = GROUPED.replace("momentum = 0.5", "momentm = 0.5")
    error = refused(UsageError, model="swift", text=text)
    assert error.message == "model entry 'swift': optimizer.momentm: no such parameter"
    assert error.hint == "did you mean 'momentum'?"
