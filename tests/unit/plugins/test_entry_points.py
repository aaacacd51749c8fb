"""Rarer ways in which an installed plugin can be odd: names, slow imports, folders that are gone."""

import importlib
import sys
from pathlib import Path

import pytest

from clfw.plugins.manager import installed_catalog
from commandline import assert_refused, clfw, succeed
from fake_plugins import install

NET = """
from clfw import Architecture, hookimpl

@hookimpl
def clfw_architectures():
    return [Architecture(name={name!r}, summary="a network", build="torch.nn:Identity")]
"""


def rename_entry_point(name: str, folder: Path) -> None:
    """Give the plugin that `install` has made another entry point name."""
    (path,) = folder.glob("site-odd/*.dist-info/entry_points.txt")
    path.write_text(f"[clfw]\n{name} = odd_module\n", encoding="utf-8")
    importlib.invalidate_caches()


@pytest.mark.parametrize(
    "name", ["a/b", "..", "two words", "\u202eten", "n" * 300, "--help", "Net", "9net", "net-1"]
)
def test_an_entry_point_name_that_cannot_be_typed_is_one_warning(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("odd", NET.format(name="odd_net"), tmp_path, monkeypatch)
    rename_entry_point(name, tmp_path)
    listed = succeed("list")
    (line,) = listed.err.splitlines()
    assert "odd-kit 0.1" in line
    assert "is not lower_snake" in line
    assert line.isprintable()
    assert len(line) < 400
    assert "odd_net" not in listed.out


@pytest.mark.parametrize("name", ["two words", "net.1", "Net", "név", 7, None])
def test_a_component_name_that_cannot_be_typed_is_one_warning(
    name: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("odd", NET.format(name=name), tmp_path, monkeypatch)
    (line,) = succeed("list").err.splitlines()
    assert "is not lower_snake" in line


@pytest.mark.parametrize("name", ["class", "list", "none", "con"])
def test_a_reserved_word_is_a_name_like_any_other(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("odd", NET.format(name=name), tmp_path, monkeypatch)
    assert succeed("list").err == ""
    assert f"{name} (models)" in succeed("show", name).out


def test_a_slow_import_serves_and_shows_its_milliseconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = "import time; time.sleep(0.06)\n" + NET.format(name="odd_net")
    install("odd", source, tmp_path, monkeypatch)
    row = next(row for row in succeed("plugins", "--json").json if row["name"] == "odd")
    assert row["state"] == "ok"
    assert row["import_ms"] >= 60


def test_an_editable_install_whose_folder_is_gone_is_one_warning_with_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("odd", NET.format(name="odd_net"), tmp_path, monkeypatch)
    (tmp_path / "site-odd" / "odd_module.py").unlink()
    importlib.invalidate_caches()
    (line,) = succeed("list").err.splitlines()
    assert "No module named 'odd_module'" in line
    finished = clfw("run", "--model", "odd", "--data", "mnist")
    assert_refused(
        finished, 69, "odd-kit 0.1", "No module named 'odd_module'", "pip install -U odd-kit"
    )


def test_a_plugin_that_lacks_a_package_says_which_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("odd", "import absent_package.inside", tmp_path, monkeypatch)
    (plugin,) = (p for p in installed_catalog().plugins if p.name == "odd")
    assert plugin.remedy == "pip install absent_package"


def test_a_module_that_offers_names_by_dir_has_none_of_them_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = NET.format(name="odd_net") + (
        "\nasked = []\ndef __dir__(): return ['clfw_architectures', 'heavy']\n"
        "def __getattr__(name):\n    asked.append(name)\n    raise AttributeError(name)\n"
    )
    install("odd", source, tmp_path, monkeypatch)
    assert "odd_net" in succeed("list").out
    assert "heavy" not in sys.modules["odd_module"].asked


def test_fifty_plugins_are_listed_and_each_is_one_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(50):
        install(f"net_{number}", NET.format(name=f"net_{number}"), tmp_path, monkeypatch)
    rows = succeed("plugins", "--json").json
    assert sum(row["package"].startswith("net_") for row in rows) == 50
    assert {f"net_{number}" for number in range(50)} <= {
        r["name"] for r in succeed("list", "--json").json
    }
