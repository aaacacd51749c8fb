"""The documents, held to the code: all names are there, links lead somewhere, and each block runs."""

import inspect
import re
import shlex
import sys
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

import clfw as package
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
from own_photographs import write_photographs
from places import TESTS, TOP

AUTHORS = (TOP / "plugins" / "README.md").read_text(encoding="utf-8")
PAGES = {
    path.relative_to(TOP).as_posix(): path.read_text(encoding="utf-8")
    for path in (TOP / "README.md", *sorted((TOP / "docs").glob("*.md")))
}
"""What users read: the README and the reference, one page a subject."""
README = PAGES["README.md"]
OTHERS = [TOP / name for name in ("CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")]
OTHERS += [TOP / folder / "README.md" for folder in ("core", "plugins", "benchmarks")]
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


AUTHORS_PYTHON = blocks(AUTHORS, "python")


@pytest.mark.parametrize("number", range(len(AUTHORS_PYTHON)))
def test_a_block_of_python_for_authors_runs(number: int) -> None:
    _, code = AUTHORS_PYTHON[number]
    space = run_python(code, f"block {number}")
    for name, value in space.items():
        if name.startswith("test_"):
            assert callable(value)
            value()


@pytest.mark.parametrize("page", [name for name in PAGES if blocks(PAGES[name], "python")])
def test_the_python_of_a_page_runs_from_top_to_bottom(page: str) -> None:
    write_photographs()
    for number, (_, code) in enumerate(blocks(PAGES[page], "python")):
        run_python(code, f"{page}, block {number}")


def run_python(code: str, title: str) -> dict[str, object]:
    """The names that `code` makes; hooks among them give what they offer."""
    space: dict[str, object] = {"__name__": "block"}
    exec(compile(code, title, "exec"), space)
    for name in ("clfw_architectures", "clfw_datasets", "clfw_augmentations"):
        if name in space:
            assert callable(space[name])
            assert space[name]()
    return space


TOML = [block for text in (AUTHORS, *PAGES.values()) for block in blocks(text, "toml")]


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


COMMAND_LINES = [words for text in (AUTHORS, *PAGES.values()) for words in commands(text)]


def test_the_commands_for_photographs_of_ones_own_run_as_they_stand() -> None:
    write_photographs()
    block = dict(blocks(README, "sh"))["your own photographs"]
    assert len(commands(f"```sh\n{block}```")) == 3
    for words in commands(f"```sh\n{block}```"):
        succeed(*words)


ERRORS = [
    (page, title)
    for page, text in PAGES.items()
    for title, _ in blocks(text, "text")
    if title.startswith("clfw ")
]


@pytest.mark.parametrize(("page", "title"), ERRORS)
def test_an_error_is_what_a_page_shows(page: str, title: str) -> None:
    write_photographs()
    for comment, content in blocks(PAGES[page], "csv"):
        Path(comment.removeprefix("file: ")).write_text(content)
    finished = clfw(*shlex.split(title)[1:])
    assert dict(blocks(PAGES[page], "text"))[title] in finished.err
    assert finished.out == ""


@pytest.mark.parametrize("words", COMMAND_LINES, ids=" ".join)
def test_a_command_of_a_document_is_one_that_clfw_knows(words: list[str]) -> None:
    assert words[0] in COMMANDS
    depth = 2 if words[0] in ("cache", "plugins", "new", "data") and len(words) > 1 else 1
    helped = succeed(*words[:depth], "--help").out
    for word in words[depth:]:
        if word.startswith("--"):
            assert re.search(rf"{word}\b", helped), f"clfw {' '.join(words[:depth])} has no {word}"


def test_every_command_is_shown_in_the_documents() -> None:
    assert set(COMMANDS) - {words[0] for words in COMMAND_LINES} == set()


def test_the_readme_sells_in_150_lines_and_a_first_screen_with_a_picture() -> None:
    assert len(README.splitlines()) <= 150
    picture = re.search(r"^!\[.+\]\((.+\.png)\)$", README, re.MULTILINE)
    assert picture
    assert README[: picture.start()].count("\n") < 10


def test_every_page_is_in_the_index() -> None:
    linked = set(re.findall(r"\]\((\w[\w-]*\.md)\)", PAGES["docs/README.md"]))
    assert linked == {Path(name).name for name in PAGES if name.startswith("docs/")} - {"README.md"}


@pytest.mark.parametrize("page", [*(TOP / name for name in PAGES), *OTHERS],
                         ids=lambda path: path.relative_to(TOP).as_posix())  # fmt: skip
def test_every_link_of_a_document_leads_to_a_file_and_a_heading(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text):
        name, _, heading = target.partition("#")
        file = page.parent / name if name else page
        assert file.exists(), target
        if heading:
            assert heading in anchors(file.read_text(encoding="utf-8")), target


def test_every_path_that_contributors_are_sent_to_is_there() -> None:
    text = (TOP / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:core|plugins|tests|docs)/[\w/.]+)`", text))
    assert len(named) > 10
    assert [name for name in sorted(named) if not (TOP / name).exists()] == []
    for table, file in re.findall(r"`([A-Z]+)` in\s+`(core/[\w/.]+)`", text):
        assert f"\n{table}" in (TOP / file).read_text(encoding="utf-8"), table


def anchors(text: str) -> list[str]:
    """What links to headings end with, as code hosts make it."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]


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


def test_every_exit_code_of_the_code_is_documented() -> None:
    codes = {cls.exit_code for cls in ClfwError.__subclasses__()} | {70, 130, 143}
    rows = re.findall(r"^\| ([\d, ]+) \|", PAGES["docs/exit-codes.md"], re.MULTILINE)
    assert {int(code) for row in rows for code in row.split(",")} == codes | {0}


def test_every_variable_of_the_code_is_documented() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in (TOP / "core").rglob("*.py"))
    documented = re.findall(r"^\| `(\w+)` \|", PAGES["docs/environment.md"], re.MULTILINE)
    assert set(documented) == {*re.findall(r"\bCLFW_[A-Z_]+\b", code), "NO_COLOR"}


def test_every_built_in_reader_is_documented() -> None:
    catalog = installed_catalog()
    readers = {n for n in catalog.names("dataset")
               if catalog.find("dataset", n).component.needs_path}  # type: ignore[union-attr]  # fmt: skip
    assert set(re.findall(r"^\| `(\w+)` \|", PAGES["docs/readers.md"], re.MULTILINE)) == readers


def test_every_public_name_is_documented_and_no_other() -> None:
    names = PAGES["docs/python.md"].partition("## The names of `clfw`")[2]
    rows = re.findall(r"^\| (`[^|]+`) \|", names, re.MULTILINE)
    documented = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(documented) == sorted(package.__all__)


def test_every_value_of_a_training_is_documented_and_no_other() -> None:
    groups = ("train", "optimizer", "schedule", "loss")
    documented = re.findall(
        rf"^\| `((?:{'|'.join(groups)})\.\w+)` \|", PAGES["docs/training.md"], re.MULTILINE
    )
    schema = succeed("schema").json["properties"]["models"]["additionalProperties"]
    keys = [
        f"{group}.{key}" for group in groups for key in schema["properties"][group]["properties"]
    ]
    assert sorted(documented) == sorted(keys)


def test_the_help_of_the_whole_tool_names_every_command() -> None:
    helped = clfw("--help").out
    assert [name for name in COMMANDS if not re.search(rf"^  {name}\b", helped, re.MULTILINE)] == []
