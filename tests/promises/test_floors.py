"""The shape of the code: floors, sizes, packages, references, entry points; held to core/README.md."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from clfw.api import hookspecs
from clfw.api.components import Dataset, load
from clfw.api.params import Params
from clfw.plugins.manager import installed_catalog
from places import TOP

CORE = TOP / "core" / "clfw"
PLUGINS = TOP / "plugins" / "clfw_plugins"
LONGEST = 400  # lines of a file
DISTRIBUTIONS = {"PIL": "pillow", "cv2": "opencv-python-headless", "pydantic_core": "pydantic"}


@dataclass(frozen=True)
class Import:
    """One import statement: what it names, and whether it runs when its file is imported."""

    module: str
    name: str
    at_import: bool
    for_types: bool


def room_of(path: Path) -> str:
    """The dotted name of a file of core, without the package's own."""
    parts = path.relative_to(CORE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


ROOMS = {room_of(path): path for path in sorted(CORE.rglob("*.py"))}


def imports_of(path: Path) -> Iterator[Import]:
    """Every import of a file, those inside functions too."""
    yield from walk(ast.parse(path.read_text(encoding="utf-8")), True, False)


def walk(node: ast.AST, at_import: bool, for_types: bool) -> Iterator[Import]:
    """The imports below a node."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, "", at_import, for_types)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "imports are written in full"
            for alias in child.names:
                yield Import(str(child.module), alias.name, at_import, for_types)
        elif isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            yield from walk(child, at_import, True)
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from walk(child, False, for_types)
        else:
            yield from walk(child, at_import, for_types)


def room_named(found: Import) -> str | None:
    """The module of core that an import reaches, or None for another package."""
    if found.module.partition(".")[0] != "clfw":
        return None
    inner = found.module.removeprefix("clfw").removeprefix(".")
    deeper = f"{inner}.{found.name}".strip(".")
    return deeper if deeper in ROOMS else inner or "__init__"


@dataclass(frozen=True)
class Floor:
    """A line of the list: a folder or loose module, and the packages that it adds."""

    name: str
    packages: frozenset[str]


def stated_floors() -> list[Floor]:
    """The floors as core/README.md lists them."""
    text = (TOP / "core" / "README.md").read_text(encoding="utf-8")
    section = re.search(r"^## Floors$(.*?)(?=^## )", text, re.MULTILINE | re.DOTALL)
    assert section is not None
    lines = re.findall(r"^- `(\w+)` \((.*)\): \S", section[1], re.MULTILINE)
    return [Floor(name, frozenset(re.findall(r"`(\w+)`", packages))) for name, packages in lines]


FLOORS = stated_floors()
HEIGHT = {floor.name: number for number, floor in enumerate(FLOORS)}


def floor_of(room: str) -> str:
    """The floor that a file is on."""
    return room.partition(".")[0]


def test_the_document_lists_every_floor_once_and_no_other() -> None:
    assert len(HEIGHT) == len(FLOORS)
    assert set(HEIGHT) == {floor_of(room) for room in ROOMS}


def test_few_modules_lie_loose_and_the_floors_are_few() -> None:
    loose = list(CORE.glob("*.py"))
    folders = {floor_of(room) for room, path in ROOMS.items() if path.parent != CORE}
    assert len(loose) <= 6
    assert len(folders) <= 18


def rising_imports(rooms: Mapping[str, Path]) -> list[str]:
    """Imports of a floor that is not below the importing file's own."""
    rising = []
    for room, path in rooms.items():
        for found in imports_of(path):
            below = room_named(found)
            if below is None or floor_of(below) == floor_of(room):
                continue
            if HEIGHT[floor_of(below)] >= HEIGHT[floor_of(room)]:
                rising.append(f"{room} imports {below}")
    return rising


def test_imports_point_down() -> None:
    assert rising_imports(ROOMS) == []


def test_an_import_that_points_up_is_found(tmp_path: Path) -> None:
    planted = tmp_path / "text.py"
    planted.write_text("from clfw.errors import ClfwError\nfrom clfw.training import loop\n")
    assert rising_imports({"text": planted}) == ["text imports training.loop"]


def test_a_floor_loads_only_its_packages_and_those_of_the_floors_below() -> None:
    allowed = {"clfw", "pydantic_core", *sys.stdlib_module_names}
    foreign = []
    for floor in FLOORS:
        allowed |= floor.packages
        for room in (room for room in ROOMS if floor_of(room) == floor.name):
            for found in imports_of(ROOMS[room]):
                package = found.module.partition(".")[0]
                if found.at_import and not found.for_types and package not in allowed:
                    foreign.append(f"{room} loads {package}")
    assert foreign == []


def test_names_values_and_data_are_settled_below_torch() -> None:
    (heavy,) = [floor.name for floor in FLOORS if "torch" in floor.packages]
    settled = ("plugins", "catalog", "config", "data", "artifacts", "inference")
    assert all(HEIGHT[name] < HEIGHT[heavy] for name in settled)


def declared() -> set[str]:
    """The packages that pyproject.toml declares."""
    project = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {Requirement(text).name for text in project["dependencies"]}


CODE = sorted([*CORE.rglob("*.py"), *PLUGINS.rglob("*.py")])


def test_every_package_that_is_imported_is_declared() -> None:
    known = {"clfw", "clfw_plugins", *sys.stdlib_module_names}
    for path in CODE:
        foreign = {found.module.partition(".")[0] for found in imports_of(path)} - known
        needed = {DISTRIBUTIONS.get(name, name) for name in foreign}
        assert needed <= declared(), path


def test_a_file_is_at_most_400_lines() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in CODE}
    assert {path: length for path, length in lengths.items() if length > LONGEST} == {}


def test_a_file_says_what_lives_in_it() -> None:
    assert [path for path in CODE if not ast.get_docstring(ast.parse(path.read_bytes()))] == []


VAGUE = {"utils", "util", "helpers", "common", "base", "misc", "tools", "stuff"}


def test_rooms_are_named_by_their_subject() -> None:
    assert {path.stem for path in CODE} & VAGUE == set()


def test_core_never_names_the_package_of_the_built_in_plugins() -> None:
    naming = [name for name, path in ROOMS.items() if "clfw_plugins" in path.read_text("utf-8")]
    assert naming == []


def test_plugins_import_no_command() -> None:
    for path in PLUGINS.rglob("*.py"):
        assert not [i.module for i in imports_of(path) if i.module.startswith("clfw.cli")], path


CATALOG = installed_catalog()
COMPONENTS = {
    f"{kind} {name}": offer.component
    for (kind, name), offers in CATALOG.offers.items()
    for offer in offers
}


def test_every_installed_plugin_loads_and_offers_something() -> None:
    for plugin in CATALOG.plugins:
        assert plugin.state == "ok", (plugin.name, plugin.reason)
        assert plugin.components or plugin.observer, plugin.name


@pytest.mark.parametrize("which", COMPONENTS)
def test_every_reference_of_every_installed_component_resolves(which: str) -> None:
    component = COMPONENTS[which]
    words = {"name", "summary", "embeds"}
    references = {
        field.name: getattr(component, field.name)
        for field in fields(component)
        if field.type in (str, "str") and field.name not in words
    }
    main = "open" if isinstance(component, Dataset) else "build"
    assert references[main]
    for field, reference in references.items():
        if reference:
            assert re.fullmatch(r"[\w.]+:\w+", reference), (field, reference)
            assert callable(load(reference)), (field, reference)
    if component.params:
        assert issubclass(load(component.params), Params)  # type: ignore[arg-type]


@pytest.mark.parametrize("which", COMPONENTS)
def test_every_installed_component_has_a_summary_of_one_line(which: str) -> None:
    summary = COMPONENTS[which].summary
    assert summary
    assert "\n" not in summary
    assert not re.search(r"[^.]\.$", summary)
    assert len(summary) <= 100


def test_the_installed_entry_points_are_those_of_pyproject() -> None:
    project = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    installed = metadata.distribution("clfw").entry_points
    for group, stated in (
        ("clfw", project["entry-points"]["clfw"]),
        ("console_scripts", project["scripts"]),
    ):
        assert {point.name: point.value for point in installed.select(group=group)} == stated


def test_every_built_in_plugin_is_an_entry_point_and_the_other_way_round() -> None:
    project = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    folders = {path.parent.name for path in PLUGINS.glob("*/__init__.py")}
    points = project["entry-points"]["clfw"]
    assert points == {name: f"clfw_plugins.{name}" for name in sorted(folders)}


def test_hooks_are_declarations_only() -> None:
    tree = ast.parse(Path(hookspecs.__file__).read_text(encoding="utf-8"))
    hooks = [
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("clfw_")
    ]
    assert hooks
    for hook in hooks:
        assert ast.get_docstring(hook), hook.name
        assert hook.returns is not None, hook.name


def test_a_function_is_at_most_60_lines() -> None:
    long = [
        f"{path}:{node.name}"
        for path in CODE
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= 60
    ]
    assert long == []


def arguments_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """The names of a function's arguments, without `self` and `cls`."""
    stated = function.args
    names = [a.arg for a in (*stated.posonlyargs, *stated.args, *stated.kwonlyargs)]
    return [name for name in names if name not in ("self", "cls")]


def is_command(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether click calls it, with an argument an option."""
    return any("command" in ast.unparse(decorator) for decorator in function.decorator_list)


def test_a_function_takes_at_most_seven_arguments() -> None:
    crowded = [
        f"{path}:{node.name}"
        for path in CODE
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and len(arguments_of(node)) > 7
        and not is_command(node)
    ]
    assert crowded == []
