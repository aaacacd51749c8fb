"""Plugins of one file: named by `--plugin` or `CLFW_PLUGINS`, and by nothing else."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from commandline import assert_refused, clfw, succeed
from tiny_sets import write_bars

LINEAR = """
from clfw import Architecture, hookimpl

@hookimpl
def clfw_architectures():
    return [Architecture(name="one_layer", summary="one linear layer", build="my_nets:build")]

def build(params, task):
    from torch import nn
    return nn.Sequential(nn.Flatten(), nn.Linear(task.channels * task.height * task.width, task.num_classes))
"""
DATA = ("--data", "csv_images", "--set", "data.path=bars", "--set", "data.validation=0.3")


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Modules of plugin files do not stay for the next test."""
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(Path.cwd())):
            del sys.modules[name]


@pytest.fixture
def file() -> Path:
    """A plugin in the working folder."""
    path = Path("my_nets.py")
    path.write_text(LINEAR)
    return path


def test_the_option_loads_a_file_which_is_listed_with_its_name_and_hash(file: Path) -> None:
    assert "one_layer" not in succeed("list").out
    assert "one_layer  " in succeed("list", "--plugin", file).out
    row = succeed("plugins", "--json", "--plugin", file).json[-1]
    assert (row["name"], row["package"], row["offers"]) == ("my_nets", "my_nets.py", ["one_layer"])
    assert len(row["version"]) == 12
    file.write_text(LINEAR + "# another line")
    assert succeed("plugins", "--json", "--plugin", file).json[-1]["version"] != row["version"]


def test_the_variable_names_files_too_and_each_counts_once(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("more.py").write_text(LINEAR.replace("one_layer", "another").replace("my_nets", "more"))
    monkeypatch.setenv("CLFW_PLUGINS", os.pathsep.join([str(file.resolve()), "", "more.py"]))
    listed = succeed("list", "--plugin", file)
    assert "one_layer" in listed.out
    assert "another" in listed.out
    assert "offered twice" not in listed.out


def test_a_run_trains_with_it_and_predicts_only_when_it_is_named_again(file: Path) -> None:
    write_bars(Path("bars"))
    run = succeed(
        "run", "--model", "one_layer", *DATA, "--steps", "2", "--plugin", file, "--json"
    ).json
    folder = run["run"]
    assert "my_nets.py" in Path(folder, "plan.json").read_text()
    assert str(file.resolve()) not in Path(folder, "plan.json").read_text()
    picture = next(Path("bars/test").iterdir())
    refused = clfw("predict", folder, picture)
    assert (refused.code, refused.out) == (69, "") or refused.code == 2
    assert "one_layer" in refused.err
    succeed("predict", folder, picture, "--plugin", file)


def test_a_registry_cannot_name_a_file(file: Path) -> None:
    Path("registry.toml").write_text(
        '[models.mine]\ncomponent = "one_layer"\nplugin = "my_nets.py"\n'
    )
    assert_refused(clfw("list"), 2, "models.mine: plugin: no such key")


def test_a_file_that_is_not_there_is_input_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert_refused(clfw("list", "--plugin", "absent.py"), 66, "--plugin: no file 'absent.py'")
    monkeypatch.setenv("CLFW_PLUGINS", "absent.py")
    assert_refused(clfw("list"), 66, "CLFW_PLUGINS: no file 'absent.py'")


def test_a_broken_file_is_an_error_by_option_and_a_warning_by_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("odd_file.py").write_text("import absent_module")
    assert_refused(
        clfw("list", "--plugin", "odd_file.py"),
        69,
        "absent_module",
        "hint: pip install absent_module",
    )
    monkeypatch.setenv("CLFW_PLUGINS", "odd_file.py")
    listed = succeed("list")
    assert listed.err.startswith("warning: plugin 'odd_file' of odd_file.py ")
    assert "fashion_cnn" in listed.out


@pytest.mark.parametrize("name", ["json.py", "my-nets.py", "notes.txt"])
def test_a_file_whose_name_cannot_be_a_module_of_its_own_is_refused(name: str) -> None:
    Path(name).write_text(LINEAR)
    assert clfw("list", "--plugin", name).code == 69


def test_a_file_can_be_checked_by_the_kit(file: Path) -> None:
    assert "0 faults" in succeed("plugins", "check", "my_nets", "--plugin", file).out


def test_the_example_of_what_a_file_offers_names_the_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = succeed("show", "one_layer", "--plugin", file).out
    assert "clfw run --model one_layer --data fashion_csv --plugin my_nets.py\n" in shown
    monkeypatch.setenv("CLFW_PLUGINS", "my_nets.py")
    assert "--data fashion_csv\n" in succeed("show", "one_layer").out


def test_a_file_can_be_switched_off(file: Path) -> None:
    listed = succeed("list", "--plugin", file, "--disable-plugin", "my_nets")
    assert "one_layer" not in listed.out


def test_a_build_that_ends_the_process_is_a_failure_and_says_so(file: Path) -> None:
    file.write_text(LINEAR.replace("    from torch import nn\n", "    raise SystemExit(0)\n"))
    write_bars(Path("bars"))
    finished = clfw("run", "--plugin", file, "--model", "one_layer", *DATA)
    assert_refused(finished, 69, "plugin 'my_nets' of my_nets.py ", "build raised SystemExit: 0")
