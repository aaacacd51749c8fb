"""What each command loads, read from `sys.modules` of a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import pytest

from clfw.catalog.registry import SECTIONS, read_registry
from commandline import succeed
from tiny_sets import write_bars

HEAVY = {"torch", "numpy", "pydantic", "torchvision", "timm", "rich", "matplotlib", "cv2", "PIL"}
TORCH = {"torch", "torchvision", "timm"}

PROGRAM = """
import contextlib, io, json, sys
from clfw.cli import outcome
rows = []
for arguments in json.loads(sys.argv[1]):
    talk = io.StringIO()
    with contextlib.redirect_stdout(talk), contextlib.redirect_stderr(talk):
        code = outcome(arguments)
    rows.append([code, sorted(sys.modules), talk.getvalue()])
print(json.dumps(rows))
"""


def loaded(commands: Sequence[Sequence[object]]) -> list[tuple[int, set[str], str]]:
    """Exit code, modules loaded so far and output of commands that one fresh process runs in turn."""
    texts = [[str(argument) for argument in command] for command in commands]
    finished = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(texts)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return [(code, set(modules), said) for code, modules, said in json.loads(finished.stdout)]


def assert_light(commands: Sequence[Sequence[object]], forbidden: set[str]) -> set[str]:
    """Run commands that must end well and load nothing forbidden; what is loaded in the end."""
    modules: set[str] = set()
    for command, (code, modules, said) in zip(commands, loaded(commands), strict=True):
        assert code == 0, (command, said)
        assert modules.isdisjoint(forbidden), (command, modules & forbidden)
    return modules


def names_of_commands() -> list[str]:
    """Every command of the command line."""
    from clfw.cli import cli

    names = cli.list_commands(click.Context(cli))
    assert {"run", "eval", "predict", "list", "show", "inspect", "plugins", "fetch"} <= set(names)
    return names


def test_help_loads_no_plugin_and_nothing_heavy() -> None:
    helps = [["--help"], ["--version"], *([name, "--help"] for name in names_of_commands())]
    modules = assert_light(helps, HEAVY)
    assert not [name for name in modules if name.partition(".")[0] == "clfw_plugins"]


@pytest.mark.parametrize("command", [["list"], ["list", "--json"], ["list", "models"], ["plugins"]])
def test_listing_names_imports_nothing_heavy(command: list[str]) -> None:
    modules = assert_light([command], HEAVY)
    assert "clfw_plugins.csv_images" in modules


def test_show_imports_neither_torch_nor_numpy_for_any_name() -> None:
    registry = read_registry()
    names = {name for section in SECTIONS for name in registry.names(section)}
    names |= {row["name"] for row in succeed("list", "--json").json}
    assert {"fashion_cnn", "fashion_csv", "fashion_document", "csv_images"} <= names
    assert_light([["show", name] for name in sorted(names)], TORCH | {"numpy"})


def test_inspect_imports_no_torch() -> None:
    write_bars(Path("bars"))
    arguments = ("--set", "data.path=bars", "--set", "data.validation=0.3", "--steps", "1")
    run = ("run", "--model", "fashion_cnn", "--data", "csv_images", "--out", "finished")
    succeed(*run, *arguments)
    commands = [
        ["inspect", "finished"],
        ["inspect", "finished/model.safetensors", "--json"],
    ]
    assert_light(commands, TORCH | {"numpy"})


@pytest.mark.parametrize("model", ["fashion_cnn", "fashion_fast"])
def test_training_a_small_cnn_imports_no_torchvision_no_timm_and_no_compiler(model: str) -> None:
    command = ["run", "--model", model, "--data", "fashion_csv", "--steps", "1"]
    ((code, modules, said),) = loaded([command])
    assert code == 0, said
    assert "torch" in modules
    assert modules.isdisjoint({"torchvision", "timm", "torch._dynamo"})


RUN = ("run", "--model", "fashion_cnn", "--data", "csv_images", "--set", "data.path=bars")
SAMPLE = ("run", "--model", "fashion_cnn", "--data", "fashion_csv")
ENTRY = ("--registry", "entries.toml")
WRONG: dict[str, tuple[tuple[Any, ...], int]] = {
    "unknown command": (("rum",), 2),
    "unknown option": ((*RUN, "--modle", "x"), 2),
    "no model": (("run", "--data", "fashion_csv"), 2),
    "no data": (("run", "--model", "fashion_cnn"), 2),
    "unknown model": (("run", "--model", "fashion_cnm", "--data", "fashion_csv"), 2),
    "unknown data": (("run", "--model", "fashion_cnn", "--data", "fashion_cvs"), 2),
    "unknown recipe": (("run", "--recipe", "fashion_documant"), 2),
    "unknown augmentation": ((*RUN, "--augment", "flipp"), 2),
    "unknown key of the model": ((*RUN, "--set", "model.widht=3"), 2),
    "unknown key of the data": ((*RUN, "--set", "data.labell=x"), 2),
    "unknown key of the training": ((*RUN, "--set", "train.epoch=3"), 2),
    "unknown key of an augmentation": (
        (*RUN, "--augment", "flip", "--set", "augment.flip.x=3"), 2,
    ),
    "unknown group": ((*RUN, "--set", "modle.width=3"), 2),
    "model value out of range": ((*RUN, "--set", "model.width=0"), 2),
    "data value of another type": ((*RUN, "--set", "data.image_size=big"), 2),
    "train value out of range": ((*RUN, "--lr", "-1"), 2),
    "train value no number": ((*RUN, "--epochs", "many"), 2),
    "values at odds": ((*RUN, "--batch-size", "full", "--set", "train.accumulate=2"), 2),
    "class weights of another number": ((*RUN, "--set", "train.class_weights=[1.0]"), 2),
    "unknown device": ((*RUN, "--device", "gpu"), 2),
    "registry that is not there": ((*RUN, "--registry", "absent.toml"), 66),
    "registry that is no TOML": ((*RUN, "--registry", "broken.toml"), 2),
    "entry with an unknown key": ((*RUN, "--registry", "key.toml"), 2),
    "entry of no component": (("run", "--model", "lost", "--data", "fashion_csv", *ENTRY), 69),
    "entry with a wrong value": (("run", "--model", "odd", "--data", "fashion_csv", *ENTRY), 2),
    "plugin that is off": ((*RUN, "--disable-plugin", "small_cnns"), 69),
    "unknown plugin": ((*RUN, "--disable-plugin", "small"), 2),
    "full set that is not there": ((*SAMPLE, "--require-full"), 66),
    "data that is not there": ((*RUN, "--set", "data.path=absent"), 66),
    "list that is not there": ((*RUN, "--set", "data.train_csv=absent.csv"), 65),
    "column that is not there": ((*RUN, "--set", "data.label=absent"), 65),
    "run folder that is there": ((*RUN, "--out", "bars"), 73),
    "show of nothing": (("show", "fashion_cnm"), 2),
    "inspect of nothing": (("inspect", "absent"), 66),
    "inspect of no weights": (("inspect", "broken.toml"), 65),
    "evaluation of nothing": (("eval", "absent"), 66),
    "prediction of nothing": (("predict", "absent", "x.png"), 66),
    "prediction without pictures": (("predict", "bars"), 2),
}  # fmt: skip


def test_every_error_about_a_name_a_value_or_a_file_comes_before_torch() -> None:
    write_bars(Path("bars"))
    Path("broken.toml").write_text("[models")
    Path("key.toml").write_text("[models.x]\nvalue = 3\n")
    Path("entries.toml").write_text(
        '[models.lost]\ncomponent = "absent"\n'
        '[models.odd]\ncomponent = "fashion_cnn"\nvalues = { width = 0 }\n'
    )
    found = loaded([command for command, _ in WRONG.values()])
    for (kind, (_, wanted)), (code, modules, said) in zip(WRONG.items(), found, strict=True):
        assert code == wanted, (kind, said)
        assert "error: " in said
        assert modules.isdisjoint(TORCH), kind
    assert not Path("runs").exists()
