"""The documents, held to the code: hooks, fields and checks are all there, and each block runs."""

import inspect
import re
import shlex
import sys
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from clfw.api import hookspecs
from clfw.api.components import Architecture, Augmentation, Dataset
from clfw.api.source import Table
from clfw.catalog.registry import parse
from clfw.cli import COMMANDS
from clfw.errors import ClfwError
from clfw.plugins.manager import installed_catalog
from clfw.plugins.plugin import Plugin
from clfw.testing.architectures import architecture_checks
from clfw.testing.augmentations import augmentation_checks
from clfw.testing.datasets import dataset_checks
from clfw.testing.declarations import component_checks, plugin_checks
from commandline import clfw, succeed
from places import TESTS, TOP

AUTHORS = (TOP / "plugins" / "README.md").read_text(encoding="utf-8")
README = (TOP / "README.md").read_text(encoding="utf-8")
HOOKS = [name for name in vars(hookspecs) if name.startswith("clfw_")]


def blocks(text: str, language: str) -> list[tuple[str, str]]:
    """(the comment line above or nothing, content) of each fenced block of a language."""
    pattern = rf"(?:<!-- ([^\n]*) -->\n)?```{language}\n(.*?)^```$"
    return re.findall(pattern, text, re.MULTILINE | re.DOTALL)


def flat(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_is_documented_with_its_own_arguments_and_an_example(hook: str) -> None:
    arguments = ", ".join(inspect.signature(getattr(hookspecs, hook)).parameters)
    section = re.search(
        rf"^### {hook}\({re.escape(arguments)}\)$(.*?)(?=^##)", AUTHORS, re.MULTILINE | re.DOTALL
    )
    assert section, f"plugins/README.md has no section '### {hook}({arguments})'"
    assert f"@hookimpl\ndef {hook}(" in section[1]


def test_no_hook_is_documented_that_is_not_there() -> None:
    assert set(re.findall(r"^### (clfw_\w+)\(", AUTHORS, re.MULTILINE)) == set(HOOKS)


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_has_a_test_of_its_own_that_implements_it(hook: str) -> None:
    others = [p for p in TESTS.rglob("test_*.py") if p != Path(__file__)]
    assert any(f"def {hook}(" in path.read_text(encoding="utf-8") for path in others)


@pytest.mark.parametrize("cls", [Architecture, Dataset, Augmentation, Table])
def test_every_field_is_documented_and_no_other(cls: type) -> None:
    table = re.search(
        rf"^\| field of `{cls.__name__}` .*?(?=\n\n)", AUTHORS, re.MULTILINE | re.DOTALL
    )
    assert table
    documented = re.findall(r"^\| `(\w+)` \| \S", table[0], re.MULTILINE)
    assert documented == [field.name for field in fields(cls)]


def test_every_check_of_the_kit_is_documented() -> None:
    plugin = Plugin(name="p", module="m", package="k", version="1")
    network = Architecture(name="n", summary="", build="a:b")
    reader, free = (Dataset(name="d", summary="", open="a:b", needs_path=n) for n in (True, False))
    words = {
        *plugin_checks(plugin), *component_checks(network), *architecture_checks(network),
        *dataset_checks(reader, plugin, None), *dataset_checks(free, plugin, None),
        *augmentation_checks(Augmentation(name="a", summary="", build="a:b")),
    }  # fmt: skip
    kit = flat(AUTHORS.partition("## The kit")[2].partition("## Versions")[0])
    assert [word for word in words if word not in kit] == []


PYTHON = [*blocks(AUTHORS, "python"), *blocks(README, "python")]


@pytest.mark.parametrize("number", range(len(PYTHON)))
def test_a_block_of_python_runs(number: int) -> None:
    _, code = PYTHON[number]
    space: dict[str, object] = {"__name__": "block"}
    exec(compile(code, f"block {number}", "exec"), space)
    for name, value in space.items():
        if name in ("clfw_architectures", "clfw_datasets", "clfw_augmentations"):
            assert callable(value)
            assert value()
        elif name.startswith("test_"):
            assert callable(value)
            value()


TOML = [*blocks(AUTHORS, "toml"), *blocks(README, "toml")]


@pytest.mark.parametrize("number", range(len(TOML)))
def test_a_block_of_toml_is_a_registry_or_a_project(number: int) -> None:
    _, text = TOML[number]
    document = tomllib.loads(text)
    if "project" in document:
        points = document["project"]["entry-points"]["clfw"]
        assert all(re.fullmatch(r"[a-z_]+", value) for value in points.values())
        return
    path = Path("registry.toml")
    path.write_text(text)
    entries = list(parse(path, "document"))
    assert entries
    succeed("list")
    for entry in entries:
        assert entry.name in succeed("show", entry.name).out
        if entry.section == "models":
            succeed("run", "--model", entry.name, "--data", "mnist", "--steps", "1")


def commands(text: str) -> list[list[str]]:
    """Every line of shell that runs clfw."""
    lines = [line for _, block in blocks(text, "sh") for line in block.splitlines()]
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("clfw ")]


@pytest.mark.parametrize("words", [*commands(AUTHORS), *commands(README)], ids=" ".join)
def test_a_command_of_a_document_is_one_that_clfw_knows(words: list[str]) -> None:
    assert words[0] in COMMANDS
    depth = 2 if words[0] in ("plugins", "new", "data") and len(words) > 1 else 1
    helped = succeed(*words[:depth], "--help").out
    for word in words[depth:]:
        if word.startswith("--"):
            assert re.search(rf"{word}\b", helped), f"clfw {' '.join(words[:depth])} has no {word}"


def test_every_command_is_shown_in_the_documents() -> None:
    shown = {words[0] for words in [*commands(AUTHORS), *commands(README)]}
    named = {name for name in COMMANDS if re.search(rf"`?clfw {name}\b", README + AUTHORS)}
    assert set(COMMANDS) - shown - named == set()


def test_the_tutorials_file_grows_as_it_is_written_and_its_commands_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parts = dict(blocks(AUTHORS, "python"))
    first = parts["file: two_layers.py"]
    path = Path("two_layers.py")
    path.write_text(first)
    steps = [words for words in commands(AUTHORS) if "two_layers.py" in words]
    assert len(steps) == 6
    for words in steps[:3]:
        succeed(*words)
    grown = first.replace('build="two_layers:build",', 'build="two_layers:build",\n'
                          '            params="two_layers:TwoLayersParams",')  # fmt: skip
    added = parts["file: two_layers.py, above build"]
    grown = grown.replace("def build(", f"{added}\n\ndef build(").replace("64", "params.hidden")
    path.write_text(grown.replace("Field(params.hidden", "Field(64"))
    monkeypatch.delitem(sys.modules, "two_layers")
    assert "model.hidden = 64" in succeed(*steps[3]).out
    succeed(*steps[4])
    assert succeed(*steps[5]).out.endswith(" 0 faults\n")
    monkeypatch.delitem(sys.modules, "two_layers")


def test_every_exit_code_and_variable_of_the_code_is_in_the_readme() -> None:
    codes = {cls.exit_code for cls in ClfwError.__subclasses__()} | {70, 130, 143}
    listed = {int(code) for row in re.findall(r"^\| ([\d, ]+) \|", README, re.MULTILINE)
              for code in row.split(",")}  # fmt: skip
    assert codes <= listed
    code = "".join(path.read_text(encoding="utf-8") for path in (TOP / "core").rglob("*.py"))
    assert [name for name in set(re.findall(r"\bCLFW_[A-Z_]+\b", code)) if name not in README] == []


def test_the_readme_names_every_built_in_reader() -> None:
    catalog = installed_catalog()
    readers = [n for n in catalog.names("dataset")
               if catalog.find("dataset", n).component.needs_path]  # type: ignore[union-attr]  # fmt: skip
    assert [name for name in readers if f"`{name}`" not in README] == []


def test_the_help_of_the_whole_tool_names_every_command() -> None:
    helped = clfw("--help").out
    assert [name for name in COMMANDS if not re.search(rf"^  {name}\b", helped, re.MULTILINE)] == []
