"""Plugins written for another clfw."""

import importlib
from importlib import metadata
from pathlib import Path

import pytest

from clfw.api import hookspecs
from clfw.plugins import manager
from clfw.plugins.entry_points import required_range
from clfw.plugins.manager import installed_catalog
from commandline import assert_refused, clfw, succeed
from fake_plugins import install

OURS = metadata.version("clfw")
NET = """
from clfw import Architecture, hookimpl

@hookimpl
def {hook}({arguments}):
    return [Architecture(name="odd_net", summary="a network", build="torch.nn:Identity")]
"""


def require_of_clfw(requirement: str, folder: Path) -> None:
    """Add a requirement to the metadata of the plugin that `install` has made."""
    (path,) = folder.glob("site-odd/*.dist-info/METADATA")
    path.write_text(f"{path.read_text()}Requires-Dist: {requirement}\n")
    importlib.invalidate_caches()


def row_of_odd() -> dict[str, object]:
    rows = succeed("plugins", "--json").json
    return next(row for row in rows if row["name"] == "odd")


@pytest.mark.parametrize(
    ("requirement", "kind", "remedy"),
    [
        ("clfw>=99", "a newer", "pip install -U clfw"),
        ("clfw (>=99,<100)", "a newer", "pip install -U clfw"),
        ("clfw[tensorboard]~=99.1", "a newer", "pip install -U clfw"),
        ("clfw==99.*", "a newer", "pip install -U clfw"),
        ("clfw<0.0.1", "an older", "pip install -U odd-kit"),
        ("clfw>=0.0.1,<0.0.2; python_version >= '3'", "an older", "pip install -U odd-kit"),
    ],
)
def test_a_plugin_for_another_clfw_is_named_with_both_versions_and_not_imported(
    requirement: str, kind: str, remedy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("odd", "open('imported', 'w').close()", tmp_path, monkeypatch)
    require_of_clfw(requirement, tmp_path)
    listed = succeed("list")
    (line,) = listed.err.splitlines()
    assert line.startswith(f"warning: plugin 'odd' of odd-kit 0.1: was written for {kind} clfw: ")
    assert f"this is {OURS}" in line
    row = row_of_odd()
    assert row["state"] == "broken"
    assert row["api"] in line
    assert str(row["remedy"]).startswith(remedy)
    assert not Path("imported").exists()
    finished = clfw("run", "--model", "odd", "--data", "mnist")
    assert_refused(finished, 69, "plugin 'odd' of odd-kit 0.1 is broken", remedy)


@pytest.mark.parametrize(
    "requirement",
    [
        "clfw",
        f"clfw=={OURS}",
        "clfw>=0.1,<1",
        "clfw>=99; extra == 'all'",
        "clfw>=99; python_version < '3'",
        "clfw-other>=99",
    ],
)
def test_a_plugin_that_fits_is_loaded(
    requirement: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = NET.format(hook="clfw_architectures", arguments="")
    install("odd", source, tmp_path, monkeypatch)
    require_of_clfw(requirement, tmp_path)
    assert row_of_odd()["state"] == "ok"
    assert "odd_net" in succeed("list").out


def test_a_range_that_is_none_is_the_packages_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("odd", "", tmp_path, monkeypatch)
    require_of_clfw("clfw>=one", tmp_path)
    assert row_of_odd()["reason"] == "requires clfw '>=one', which is not a version specifier"


def test_ranges_of_several_requirements_hold_together() -> None:
    assert (
        required_range(["clfw>=0.1", "torch>=2", "CLFW <2 ; extra == 'x'", "clfw<1"]) == ">=0.1,<1"
    )


def test_an_implementation_may_take_fewer_arguments_than_its_hook_has() -> None:
    calls = {}
    host = manager.new_host()

    class Module:
        @staticmethod
        @hookspecs.hookimpl
        def clfw_epoch_finished(report: object) -> None:
            calls["report"] = report

    plugin = manager.Plugin(name="odd", module="m", package="k", version="1")
    observer = manager.register(host, plugin, Module).observer
    assert observer is not None
    observer(folder=Path(), plan={}, report=7, something_new=8)
    assert calls == {"report": 7}


def test_the_catalog_of_a_plugin_without_a_requirement_says_any() -> None:
    assert {
        plugin.requires for plugin in installed_catalog().plugins if plugin.package == "clfw"
    } == {""}
