"""A frozen backbone whose architecture another plugin offers, a plugin file among them."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from clfw.artifacts.recorded_run import read_run, resume_command
from clfw.catalog.environment import load_environment
from clfw.plugins import manager
from clfw_plugins.backbones import requirements
from commandline import Finished, assert_refused, clfw, succeed
from places import TOP

PLUGIN = ("--plugin", "two_layers.py")
SMALL = ("--data", "fashion_csv", "--steps", "3")
ON_TL = ("run", "--model", "frozen_backbone", "--set", "model.backbone_weights=tl")


@pytest.fixture
def body() -> Iterator[str]:
    """The folder of a run whose network a plugin file offers, the one of plugins/README.md."""
    text = (TOP / "plugins" / "README.md").read_text(encoding="utf-8")
    code = text.split("<!-- file: two_layers.py -->\n```python\n", 1)[1].split("```", 1)[0]
    Path("two_layers.py").write_text(code, encoding="utf-8")
    sys.modules.pop("two_layers", None)  # of another test
    succeed("run", "--model", "two_layers", *SMALL, *PLUGIN, "--out", "tl")
    yield "tl"
    sys.modules.pop("two_layers", None)


@pytest.fixture
def frozen(body: str) -> str:
    """The folder of a run whose frozen backbone is the network of the plugin file."""
    succeed(*ON_TL, "--data", "fashion_csv", "--epochs", "1", *PLUGIN, "--out", "fb")
    return "fb"


def recorded_network(folder: str) -> Any:
    plan = json.loads(Path(folder, "plan.json").read_text())
    return plan["model"]["values"]["described"]["value"]


def a_picture() -> str:
    pixels = np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)
    Image.fromarray(pixels).save("shoe.png")
    return "shoe.png"


def assert_names_the_plugin(refused: Finished) -> None:
    assert_refused(refused, 69, "no architecture named 'two_layers'", "two_layers.py", "--plugin")


def test_a_run_on_a_plugin_files_network_predicts_evaluates_and_resumes(frozen: str) -> None:
    assert recorded_network(frozen)["component"] == "two_layers"
    (row,) = succeed("predict", frozen, a_picture(), *PLUGIN, "--json").json
    assert row["label"]
    succeed("eval", frozen, *PLUGIN)
    assert "epoch   2" in succeed("resume", frozen, "--epochs", "2", *PLUGIN).err


def test_without_the_plugin_file_every_command_names_it(frozen: str) -> None:
    assert_names_the_plugin(clfw(*ON_TL, *SMALL, "--out", "other"))
    assert not Path("other").exists()
    assert_names_the_plugin(clfw("predict", frozen, a_picture()))
    assert_names_the_plugin(clfw("eval", frozen))
    assert_names_the_plugin(clfw("resume", frozen, "--epochs", "2"))


def test_a_plugin_that_is_switched_off_offers_no_backbone() -> None:
    succeed("run", "--model", "plain_cnn", *SMALL, "--out", "tl")
    off = ("--disable-plugin", "small_cnns")
    refused = clfw(*ON_TL, *SMALL, *off, "--out", "other")
    assert_refused(refused, 69, "no architecture named 'plain_cnn'", "'small_cnns'", "is off")
    succeed(*ON_TL, *SMALL, "--out", "fb")
    assert_refused(clfw("eval", "fb", *off), 69, "no architecture named 'plain_cnn'", "is off")


def test_the_command_to_go_on_with_names_the_file_of_the_backbone(body: str) -> None:
    succeed(*ON_TL, *SMALL, *PLUGIN, "--out", "fb")
    catalog = load_environment(plugin_files=[Path("two_layers.py")]).catalog
    plan = read_run(Path("fb"), catalog, Path()).plan
    assert resume_command(plan, Path("fb")) == "clfw resume fb --plugin two_layers.py"


def test_a_backbone_may_stand_on_a_backbone(frozen: str) -> None:
    command = ("run", "--model", "frozen_backbone", "--set", f"model.backbone_weights={frozen}")
    assert_names_the_plugin(clfw(*command, *SMALL, "--out", "third"))
    succeed(*command, *SMALL, *PLUGIN, "--out", "third")
    succeed("eval", "third", *PLUGIN)
    assert_names_the_plugin(clfw("eval", "third"))


def test_plugins_are_loaded_once_a_command(frozen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[object] = []
    found = manager.discover_plugins
    monkeypatch.setattr(
        manager, "discover_plugins", lambda *a, **k: calls.append(a) or found(*a, **k)
    )
    succeed("eval", frozen, *PLUGIN)
    assert len(calls) == 1


def test_what_a_backbone_is_cannot_be_set_by_hand() -> None:
    shown = succeed("show", "frozen_backbone").out
    assert "model.backbone_weights" in shown
    assert "model.described" not in shown
    refused = clfw("run", "--model", "frozen_backbone", "--set", "model.described={}", *SMALL)
    assert_refused(refused, 2, "model.described: no such parameter")
    hint = refused.err.splitlines()[-1]
    assert "described" not in hint


def test_a_run_that_does_not_say_which_package_its_backbone_is_of_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Earlier versions recorded the network's name and values, and not its package."""
    prepare = requirements.prepare

    def as_before(*arguments: Any) -> Any:
        params, preprocess = prepare(*arguments)
        network = {k: v for k, v in params.described.items() if k != "package"}
        return params.model_copy(update={"described": network}), preprocess

    succeed("run", "--model", "plain_cnn", *SMALL, "--out", "tl")
    with monkeypatch.context() as patch:
        patch.setattr(requirements, "prepare", as_before)
        succeed(*ON_TL, "--data", "fashion_csv", "--epochs", "1", "--out", "fb")
    assert "package" not in recorded_network("fb")
    succeed("eval", "fb")
    assert "epoch   2" in succeed("resume", "fb", "--epochs", "2").err
    refused = clfw("eval", "fb", "--disable-plugin", "small_cnns")
    assert_refused(refused, 69, "no architecture named 'plain_cnn'", "is off")
