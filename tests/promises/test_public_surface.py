"""What plugin authors may import: stated in one place, and enough for every built-in plugin."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import clfw
from clfw import api
from places import TOP

PLUGINS = TOP / "plugins" / "clfw_plugins"
FILES = sorted(PLUGINS.rglob("*.py"))


def imports(path: Path) -> Iterator[tuple[str, str]]:
    """(module, name) of every import from a file, those for type checkers too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield str(node.module), alias.name
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, ""


def test_every_listed_name_is_there_and_listed_once() -> None:
    assert len(api.__all__) == len(set(api.__all__))
    assert dir(api) == sorted(api.__all__)
    for name in api.__all__:
        assert getattr(api, name) is not None, name
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        api.nothing  # noqa: B018


def test_what_both_faces_name_is_the_same() -> None:
    both = set(api.__all__) & set(clfw.__all__)
    assert {"Architecture", "Dataset", "Augmentation", "Task", "hookimpl"} <= both
    for name in both:
        assert getattr(api, name) is getattr(clfw, name), name


def test_type_checkers_see_the_names_that_are_loaded_later() -> None:
    seen = {(module, name) for module, name in imports(Path(api.__file__)) if name}
    loaded = {(module, name) for module, names in api._HOME.items() for name in names}
    assert seen == loaded | {("typing", "TYPE_CHECKING")}
    assert {name for _, name in loaded} | {"VERSION"} == set(api.__all__)


def test_the_surface_has_a_version() -> None:
    assert api.VERSION == 1


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PLUGINS)))
def test_a_built_in_plugin_imports_nothing_else_of_core_and_no_sibling(path: Path) -> None:
    own = path.relative_to(PLUGINS).parts[0]
    public = {"clfw": set(clfw.__all__), "clfw.api": {*api.__all__}}
    for module, name in imports(path):
        if module.partition(".")[0] == "clfw":
            assert name in public.get(module, set()), f"{module}: {name}"
        if module.startswith("clfw_plugins"):
            assert module.split(".")[1] == own, f"{module}: {name}"


EXAMPLES = [
    *(TOP / "core" / "clfw" / "cli" / "templates").rglob("MODULE/*.py.txt"),
    *(TOP / "tests" / "packages").rglob("*.py"),
]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: str(path.relative_to(TOP)))
def test_what_authors_begin_from_imports_the_surface_alone(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    lines = re.findall(r"^from (clfw(?:\.\S+)?) import (.+)$", text, re.MULTILINE)
    for module, names in lines:
        public = {"clfw": clfw.__all__, "clfw.api": api.__all__}.get(module, [])
        assert set(names.split(", ")) <= set(public), module
    assert not re.search(r"^import clfw\b", text, re.MULTILINE)


def test_importing_the_surface_loads_nothing_heavy() -> None:
    code = (
        "import sys, clfw.api; clfw.api.Architecture; "
        "print([m for m in ('torch', 'numpy', 'pydantic', 'cv2') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
