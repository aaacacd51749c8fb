"""Plugins that end, crash or hold up the process: found by the probe, and not imported after."""

import json
import sys
from pathlib import Path

import pytest

from clfw.cli import diagnostics
from clfw.plugins import probing
from clfw.plugins.manager import discover_plugins
from clfw.plugins.probing import probe
from commandline import Finished, assert_refused, clfw, succeed
from fake_plugins import install

DEADLY = {
    "os._exit": ("import os; os._exit(0)", "ends the process (exit code 0)"),
    "os._exit with a code": ("import os; os._exit(3)", "ends the process (exit code 3)"),
    "a crash": ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "crashes (SIGSEGV)"),
    "an abort": ("import os; os.abort()", "crashes (SIGABRT)"),
    "an endless import": ("while True: pass", "did not finish within"),
    "an exit in the hook": (
        "from clfw import hookimpl\nimport os\n@hookimpl\ndef clfw_datasets(): os._exit(1)",
        "ends the process (exit code 1)",
    ),
}
GOOD = """
from clfw import Architecture, hookimpl

@hookimpl
def clfw_architectures():
    return [Architecture(name="odd_net", summary="a network", build="torch.nn:Identity")]
"""


@pytest.fixture(autouse=True)
def known_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch is not imported for each test; one below does it."""
    fine = {"what": "device", "ok": True, "said": "cpu", "remedy": ""}
    monkeypatch.setattr(diagnostics, "diagnose", lambda registry: [fine])


def doctor(*options: object) -> Finished:
    """`clfw doctor` for the plugin under test alone."""
    built_in = [row["name"] for row in json.loads(Path("plugins.json").read_text())]
    off = [word for name in built_in for word in ("--disable-plugin", name)]
    return clfw("doctor", *off, *options)


@pytest.fixture(autouse=True)
def built_in() -> None:
    """The names of what is installed before the test adds anything."""
    Path("plugins.json").write_text(succeed("plugins", "--json").out)


@pytest.mark.parametrize("kind", DEADLY)
def test_a_deadly_plugin_is_found_and_not_imported_any_more(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, said = DEADLY[kind]
    install("odd", source, tmp_path, monkeypatch)
    found = doctor("--timeout", "1" if "endless" in kind else "30")
    assert found.code == 69
    assert f"FAULT  plugin odd (odd-kit 0.1)" in found.out  # noqa: F541
    assert said in found.out
    listed = succeed("list")
    (line,) = listed.err.splitlines()
    assert line.startswith("warning: plugin 'odd' of odd-kit 0.1: importing it")
    row = next(row for row in succeed("plugins", "--json").json if row["name"] == "odd")
    assert (row["state"], row["remedy"]) == ("broken", "probe it again: clfw doctor")
    finished = clfw("run", "--model", "odd", "--data", "mnist")
    assert_refused(finished, 69, "plugin 'odd' of odd-kit 0.1 is broken", said, "clfw doctor")


def test_a_mended_plugin_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install("odd", "import os; os._exit(3)", tmp_path, monkeypatch)
    assert doctor().code == 69
    (module,) = tmp_path.glob("site-odd/odd_module.py")
    assert "odd_net" not in succeed("list").out
    module.write_text(GOOD)
    assert "odd_net" in succeed("list").out
    found = doctor()
    assert found.code == 0
    assert "ok     plugin odd (odd-kit 0.1)" in found.out
    assert "odd_net" in succeed("list").out


def test_names_that_clash_are_faults_with_both_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("odd", GOOD, tmp_path, monkeypatch)
    install("twin", GOOD, tmp_path, monkeypatch)
    found = doctor()
    assert found.code == 69
    assert found.out.count("architecture 'odd_net' is offered by ") == 2
    assert "switch one off: --disable-plugin twin" in found.out


def test_a_verdict_holds_for_its_version_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("odd", "import os; os._exit(3)", tmp_path, monkeypatch)
    assert doctor().code == 69
    (folder,) = tmp_path.glob("site-odd/*.dist-info")
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: odd-kit\nVersion: 0.2\n")
    (tmp_path / "site-odd" / "odd_module.py").write_text(GOOD)
    assert "odd_net" in succeed("list").out


def test_what_a_plugin_prints_is_not_taken_for_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = "import os; print('clfw probe done', flush=True); os._exit(0)"
    install("odd", source, tmp_path, monkeypatch)
    assert "ends the process" in doctor().out


def test_a_plugin_that_only_raises_passes_the_probe_and_is_shown_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("odd", "raise ValueError('no')", tmp_path, monkeypatch)
    found = doctor()
    assert found.code == 69
    assert "ValueError: no" in found.out
    assert (
        json.loads(next((tmp_path / "cache").rglob("verdicts.json")).read_text()).popitem()[1][
            "reason"
        ]
        == ""
    )


def test_a_damaged_verdict_file_is_no_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("odd", "import os; os._exit(3)", tmp_path, monkeypatch)
    assert doctor().code == 69
    next((tmp_path / "cache").rglob("verdicts.json")).write_text("[1")
    (tmp_path / "site-odd" / "odd_module.py").write_text(GOOD)
    assert "odd_net" in succeed("list").out


def test_doctor_speaks_json() -> None:
    rows = doctor("--json").json
    assert rows[-1] == {"what": "device", "ok": True, "said": "cpu", "remedy": ""}
    assert {"what", "ok", "said", "remedy"} == set(rows[0])


def test_folders_that_cannot_be_written_are_faults(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    row = diagnostics.folder("cache folder", tmp_path / "file" / "inside", "CLFW_CACHE_DIR")
    assert not row["ok"]
    assert "CLFW_CACHE_DIR" in row["remedy"]
    assert diagnostics.folder("data folder", tmp_path / "absent", "CLFW_DATA_DIR")["ok"]


def test_a_registry_that_cannot_be_read_is_a_fault() -> None:
    Path("registry.toml").write_text("not toml")
    row = diagnostics.registries(None)
    assert not row["ok"]
    assert "not valid TOML" in row["said"]


def test_what_fails_in_a_process_of_its_own_is_told_by_its_last_line() -> None:
    assert diagnostics.tried("raise OSError('no torch here')") == (False, "OSError: no torch here")
    assert diagnostics.tried("print('one'); print('two')") == (True, "two")
    assert diagnostics.tried("while True: pass", 0.2) == (False, "did not finish within 0.2 s")


def test_torch_and_torchvision_fit_each_other_here() -> None:
    row = diagnostics.torch_fit()
    assert row["ok"], row["said"]
    assert "fit each other" in row["said"]


@pytest.mark.parametrize("name", ["types", "ast", "torch", "pluggy"])
def test_modules_of_the_current_folder_are_not_imported(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(f"{name}.py").write_text("open('imported', 'w').close()\nimport os; os._exit(3)\n")
    install("odd", f"import {name}{GOOD}", tmp_path, monkeypatch)
    monkeypatch.syspath_prepend("")  # as Python does for -c
    monkeypatch.setattr(sys, "path", [*sys.path, str(Path.cwd())])  # and for -m
    odd = next(plugin for plugin in discover_plugins() if plugin.name == "odd")
    assert probe(odd, 60) == ""
    fine, said = diagnostics.tried(f"import {name}; print({name}.__file__)")
    assert fine, said
    assert not said.startswith(str(Path.cwd()))
    assert not Path("imported").exists()


def test_a_folder_that_pythonpath_names_is_imported_from(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("own_module.py").write_text("")
    monkeypatch.setattr(sys, "path", [*sys.path, str(Path.cwd())])
    assert not diagnostics.tried("import own_module")[0]
    monkeypatch.setenv("PYTHONPATH", ".")
    assert diagnostics.tried("import own_module")[0]


def test_clfws_own_plugins_are_not_switched_off_by_a_probe(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(probing, "probe", lambda plugin, seconds: "importing it crashes (SIGSEGV)")
    found = clfw("doctor")
    assert found.code == 69
    assert "FAULT  plugin small_cnns" in found.out
    assert "not imported" not in found.out
    listed = succeed("list")
    assert "plain_cnn" in listed.out
    assert listed.err == ""
