"""`clfw new plugin`: what it writes installs, passes its own test, is listed and runs."""

import importlib
import runpy
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from commandline import assert_refused, clfw, succeed

FILES = {
    "architecture": {"__init__.py", "params.py", "model.py"},
    "dataset": {"__init__.py", "params.py", "reader.py"},
    "augmentation": {"__init__.py", "params.py", "change.py"},
}
RUN = {
    "architecture": ("--model", "brand_new", "--data", "mnist"),
    "dataset": ("--model", "fashion_mlp", "--data", "brand_new"),
    "augmentation": ("--model", "fashion_mlp", "--data", "mnist", "--augment", "brand_new"),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_new_plugin_installs_passes_its_own_test_is_listed_and_runs(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = succeed("new", "plugin", "brand_new", "--kind", kind)
    folder = Path(written.out.strip())
    assert folder == Path("clfw-brand-new")
    assert {path.name for path in folder.iterdir()} == {
        ".gitignore", "README.md", "pyproject.toml", "tests", "clfw_brand_new",
    }  # fmt: skip
    assert {path.name for path in (folder / "clfw_brand_new").iterdir()} == FILES[kind]

    site = tmp_path / "site"
    install = (
        "install",
        "--no-index",
        "--no-deps",
        "--no-build-isolation",
        "--target",
        site,
        folder.resolve(),
    )
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", *map(str, install)]
    subprocess.run(pip, check=True, capture_output=True)
    monkeypatch.syspath_prepend(str(site))
    for name in [name for name in sys.modules if name.startswith("clfw_brand_new")]:
        monkeypatch.delitem(sys.modules, name)
    importlib.invalidate_caches()

    runpy.run_path(str(folder / "tests" / "test_plugin.py"))["test_the_plugin_keeps_its_promises"]()
    row = next(row for row in succeed("list", "--json").json if row["name"] == "brand_new")
    assert row["origin"] == "clfw-brand-new 0.1.0"
    assert "clfw-brand-new 0.1.0" in succeed("show", "brand_new").out
    succeed("run", *RUN[kind], "--steps", "2")


def test_its_range_of_clfw_holds_this_one_and_not_the_next_that_may_break_it() -> None:
    succeed("new", "plugin", "brand_new")
    project = tomllib.loads(Path("clfw-brand-new/pyproject.toml").read_text())["project"]
    (requirement,) = map(Requirement, project["dependencies"])
    assert requirement.specifier.contains(metadata.version("clfw"))
    assert not requirement.specifier.contains("99")


@pytest.mark.parametrize("kind", FILES)
def test_what_it_writes_passes_a_linter(kind: str) -> None:
    succeed("new", "plugin", "brand_new", "--kind", kind)
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "E,F,I,N,UP,B"]
    linted = subprocess.run([*command, "clfw-brand-new"], capture_output=True, text=True)
    assert linted.returncode == 0, linted.stdout


WRONG = {
    "My-Net": ("a plugin's name is lower_snake", "my_net"),
    "../net": ("a plugin's name is lower_snake", "net"),
    "": ("a plugin's name is lower_snake", "net"),
    "n" * 80: ("a plugin's name is lower_snake", "n" * 40),
    "9net": ("a plugin's name is lower_snake", "my_9net"),
    "class": ("is a word of Python", "my_class"),
    "fashion_cnn": ("is taken, by clfw", "my_fashion_cnn"),
    "flip": ("is taken, by clfw", "my_flip"),
    "small_cnns": ("is taken, by clfw", "my_small_cnns"),
    "plugins": ("is taken: there is a package clfw_plugins", "my_plugins"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_name_that_cannot_be_one_is_refused_with_one_that_can(name: str) -> None:
    said, proposed = WRONG[name]
    assert_refused(clfw("new", "plugin", name), 2, said, f"hint: for instance {proposed}\n")
    assert not list(Path().glob("clfw-*"))
    succeed("new", "plugin", proposed)


def test_nothing_is_overwritten() -> None:
    Path("clfw-brand-new").mkdir()
    assert_refused(clfw("new", "plugin", "brand_new"), 73, "clfw-brand-new")
    assert list(Path("clfw-brand-new").iterdir()) == []
    succeed("new", "plugin", "brand_new", "--out", "elsewhere")
    assert Path("elsewhere/clfw_brand_new/__init__.py").exists()
