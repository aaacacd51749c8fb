"""Broken plugins: each is one warning line and one row, and stops nothing that does not need it."""

import importlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from clfw.api import hookspecs
from clfw.api.components import KINDS, Architecture
from clfw.plugins.manager import DISABLE, KIND_OF_HOOK, installed_catalog
from commandline import Finished, assert_refused, clfw, succeed
from tiny_sets import write_bars

GOOD = """
from clfw import Architecture, hookimpl

@hookimpl
def clfw_architectures():
    return [Architecture(name="{name}", summary="a network", build="torch.nn:Identity")]
"""

# Source of the module, and what its warning says.
BROKEN = {
    "an import that fails": ("import absent_module", "No module named 'absent_module'"),
    "a name that is not there": ("from clfw import absent", "cannot import name 'absent'"),
    "a name that was renamed": (
        "from clfw import Recognised",
        "it is now 'Detected' in clfw.api",
    ),
    "a module that moved": ("import clfw.filetree", "what plugins use is in 'clfw.api'"),
    "a field of an architecture that was renamed": (
        "from clfw import Architecture, hookimpl\n@hookimpl\ndef clfw_architectures():\n"
        "    return [Architecture(name='a', summary='a', build='a:b', initialise='a:c')]",
        "unexpected keyword argument 'initialise'; it is now 'initialize'",
    ),
    "a field of a dataset that was renamed": (
        "from clfw import Dataset, hookimpl\n@hookimpl\ndef clfw_datasets():\n"
        "    return [Dataset(name='a', summary='a', open='a:b', recognise='a:c')]",
        "unexpected keyword argument 'recognise'; it is now 'detect'",
    ),
    "a syntax error": ("def broken(:", "SyntaxError"),
    "an exit at import": ("raise SystemExit(3)", "SystemExit: 3"),
    "an interrupt at import": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "an interrupt in a hook": (
        "from clfw import hookimpl\n@hookimpl\ndef clfw_datasets(): raise KeyboardInterrupt('no')",
        "KeyboardInterrupt: no",
    ),
    "sys.exit at import": ("import sys; sys.exit('bye')", "SystemExit: bye"),
    "an error of two lines": ("raise ValueError('first\\nsecond')", "ValueError: first;"),
    "an error with escape codes": ("raise ValueError('\\x1b[31mred')", r"ValueError: \x1b[31mred"),
    "an assertion without text": ("assert False", "AssertionError"),
    "a warning turned error": (
        "import warnings; warnings.warn('old', DeprecationWarning)",
        "DeprecationWarning: old",
    ),
    "endless recursion": ("def f(): f()\nf()", "RecursionError"),
    "a hook with an argument it is not given": (
        "from clfw import hookimpl\n@hookimpl\ndef clfw_datasets(folder): return []",
        "clfw_datasets(folder)",
    ),
    "a misspelt hook": (
        "from clfw import hookimpl\n@hookimpl\ndef clfw_dataset(): return []",
        "unknown hook 'clfw_dataset'; did you mean 'clfw_datasets'?",
    ),
    "a hook that raises": (
        "from clfw import hookimpl\n@hookimpl\ndef clfw_datasets(): raise OSError('no disk')",
        "hook clfw_datasets raised OSError: no disk",
    ),
    "a hook that returns nothing": (
        "from clfw import hookimpl\n@hookimpl\ndef clfw_datasets(): pass",
        "hook clfw_datasets returned NoneType, not a list",
    ),
    "a hook that returns one component": (
        "from clfw import Dataset, hookimpl\n@hookimpl\n"
        "def clfw_datasets(): return Dataset(name='x', summary='', open='a:b')",
        "hook clfw_datasets returned Dataset, not a list",
    ),
    "a hook that returns names": (
        "from clfw import hookimpl\n@hookimpl\ndef clfw_datasets(): return ['mnist']",
        "hook clfw_datasets returned str, not dataset",
    ),
    "a component of another kind": (
        "from clfw import Architecture, hookimpl\n@hookimpl\n"
        "def clfw_datasets(): return [Architecture(name='x', summary='', build='a:b')]",
        "hook clfw_datasets returned Architecture, not dataset",
    ),
    "a component name with a slash": (GOOD.format(name="../net"), "'../net' is not lower_snake"),
    "a component name like an option": (GOOD.format(name="--help"), "'--help' is not lower_snake"),
    "an empty component name": (GOOD.format(name=""), "'' is not lower_snake"),
    "a component name of 300 letters": (GOOD.format(name="n" * 300), "is not lower_snake"),
    "a component name that turns the line around": (
        GOOD.format(name="\u202enet"),
        r"'\u202enet' is not lower_snake",
    ),
}


@dataclass(frozen=True)
class Site:
    """A folder of installed packages."""

    folder: Path

    def add(self, source: str, name: str = "odd", package: str = "odd-kit", **files: str) -> None:
        """A package whose entry point `name` is a module of this source; `files` replace metadata."""
        module = f"{package.replace('-', '_')}_{name if name.isidentifier() else 'module'}"
        metadata = self.folder / f"{package.replace('-', '_')}-1.2.dist-info"
        metadata.mkdir(exist_ok=True)
        texts = {
            "METADATA": f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2\n",
            "entry_points.txt": f"[clfw]\n{name} = {module}\n",
            **files,
        }
        for file, text in texts.items():
            if text:
                (metadata / file).write_bytes(text.encode("utf-8", errors="surrogateescape"))
        (self.folder / f"{module}.py").write_text(source, encoding="utf-8")
        sys.modules.pop(module, None)
        importlib.invalidate_caches()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """An empty folder of packages, in front of those that are installed."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return Site(folder)


def warnings_of(finished: Finished) -> list[str]:
    """The lines that a command said, all of which are warnings."""
    lines = finished.err.splitlines()
    assert all(line.startswith("warning: ") for line in lines), finished.err
    return lines


def state_of(name: str, finished: Finished) -> tuple[str, str]:
    """State and reason of a plugin, from `clfw plugins --json`."""
    row = next(row for row in finished.json if row["name"] == name)
    return row["state"], row["reason"]


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_plugin_is_one_warning_and_one_row(kind: str, site: Site) -> None:
    source, reason = BROKEN[kind]
    site.add(source)
    listed = succeed("list")
    (line,) = warnings_of(listed)
    assert line.startswith("warning: plugin 'odd' of odd-kit 1.2: ")
    assert reason in line
    assert line.endswith(f"skipped (silence with {DISABLE}=odd)")
    assert "fashion_cnn" in listed.out
    assert "odd" not in listed.out
    state, said = state_of("odd", succeed("plugins", "--json"))
    assert state == "broken"
    assert reason.rstrip(";") in said
    succeed("--help")


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_plugin_leaves_nothing_of_itself_in_the_catalog(kind: str, site: Site) -> None:
    whole = installed_catalog()
    site.add(BROKEN[kind][0])
    catalog = installed_catalog()
    assert catalog.offers.keys() == whole.offers.keys()
    assert {p.name for p in catalog.plugins} - {p.name for p in whole.plugins} == {"odd"}


def test_a_run_is_not_stopped_by_broken_plugins_that_it_does_not_use(site: Site) -> None:
    for number, (source, _) in enumerate(BROKEN.values()):
        site.add(source, name=f"odd_{number}", package=f"odd-kit-{number}")
    write_bars(Path("bars"))
    finished = succeed(
        *("run", "--model", "fashion_cnn", "--data", "csv_images", "--set", "data.path=bars"),
        *("--set", "data.validation=0.3", "--steps", "1", "--json"),
    )
    assert finished.json["model"] == "fashion_cnn"
    warned = [line for line in finished.err.splitlines() if line.startswith("warning: plugin 'odd")]
    assert len(warned) == len(BROKEN)


def test_a_broken_plugin_that_is_asked_for_ends_with_69_and_its_reason(site: Site) -> None:
    site.add("import absent_module")
    for name in ("odd", "network_like_none"):
        finished = clfw("run", "--model", name, "--data", "fashion_csv")
        assert_refused(
            finished,
            69,
            f"error: no model named '{name}'",
            "plugin 'odd' of odd-kit 1.2 is broken: ModuleNotFoundError",
            "clfw plugins",
        )


def test_an_entry_whose_component_is_broken_ends_with_69(site: Site) -> None:
    site.add("import absent_module")
    Path("registry.toml").write_text('[models.mine]\ncomponent = "fashion_cnm"\n')
    finished = clfw("run", "--model", "mine", "--data", "fashion_csv")
    assert_refused(finished, 69, "no architecture named 'fashion_cnm'", "plugin 'odd'")


def test_a_mistyped_name_is_a_mistyped_name_beside_a_broken_plugin(site: Site) -> None:
    site.add("import absent_module")
    finished = clfw("run", "--model", "fashion_cnm", "--data", "fashion_csv")
    assert_refused(finished, 2, "no model named 'fashion_cnm'", "did you mean 'fashion_cnn'?")
    assert "plugin 'odd' of odd-kit 1.2 is broken" in finished.err


@pytest.mark.parametrize("kind", ["augmentation", "data", "recipe"])
def test_only_what_plugins_can_offer_is_laid_at_a_broken_plugins_door(
    kind: str, site: Site
) -> None:
    site.add("import absent_module")
    base = ("run", "--model", "fashion_cnn", "--data", "fashion_csv")
    arguments: dict[str, tuple[str, ...]] = {
        "augmentation": (*base, "--augment", "like_none_at_all"),
        "data": ("run", "--model", "fashion_cnn", "--data", "like_none_at_all"),
        "recipe": ("run", "--recipe", "like_none_at_all"),
    }
    assert clfw(*arguments[kind]).code == (2 if kind == "recipe" else 69)


def test_code_that_a_component_names_and_lacks_ends_with_69(site: Site) -> None:
    site.add(GOOD.format(name="odd_net").replace("torch.nn:Identity", "absent_module:build"))
    write_bars(Path("bars"))
    finished = clfw(
        *("run", "--model", "odd_net", "--data", "csv_images", "--set", "data.path=bars"),
        *("--set", "data.validation=0.3"),
    )
    assert_refused(finished, 69, "'absent_module:build'", "No module named 'absent_module'")


def test_what_a_plugin_prints_at_import_does_not_reach_the_result(site: Site) -> None:
    site.add("print('hello from afar')\n" + GOOD.format(name="loud_net"))
    environment = {**os.environ, "PYTHONPATH": str(site.folder)}
    finished = subprocess.run(
        [sys.executable, "-m", "clfw", "list", "--json"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "hello from afar" not in finished.stdout
    assert "loud_net" in finished.stdout
    assert finished.stderr == "hello from afar\n"


def test_ctrl_c_while_a_plugin_is_imported_stops_the_command(site: Site) -> None:
    site.add("import signal; signal.raise_signal(signal.SIGINT)")
    stopped = clfw("list")
    assert stopped.code == 130
    assert "stopped while importing plugin 'odd' of odd-kit 1.2; if it hangs" in stopped.err


def test_one_name_of_two_packages_is_a_clash_that_names_both_and_the_switch(site: Site) -> None:
    site.add(GOOD.format(name="same_net"), name="first", package="kit-one")
    site.add(GOOD.format(name="same_net"), name="second", package="kit-two")
    listed = succeed("list")
    assert "offered twice" in listed.out
    assert "kit-one 1.2 and kit-two 1.2" in listed.out
    assert listed.err == ""
    for name, other in (("first", "second"), ("second", "first")):
        state, reason = state_of(name, succeed("plugins", "--json"))
        assert state == "clash"
        assert "'same_net'" in reason
        assert "kit-one 1.2 and kit-two 1.2" in reason
        succeed("show", "same_net", "--disable-plugin", other)
    finished = clfw("run", "--model", "same_net", "--data", "fashion_csv")
    assert_refused(
        finished, 69, "kit-one 1.2 ('first')", "kit-two 1.2 ('second')", f"hint: switch one off: {DISABLE}="
    )  # fmt: skip


def test_the_switch_of_a_clash_works_as_it_is_written(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.add(GOOD.format(name="same_net"), name="odd", package="kit-one")
    site.add(GOOD.format(name="same_net"), name="odd", package="kit-two")
    finished = clfw("show", "same_net")
    assert finished.code == 69
    variable, _, value = finished.err.splitlines()[-1].split()[-1].partition("=")
    monkeypatch.setenv(variable, value)
    succeed("show", "same_net")


def test_a_clash_with_a_built_in_name_stops_that_name_alone(site: Site) -> None:
    site.add(GOOD.format(name="fashion_cnn"))
    finished = clfw("run", "--model", "fashion_cnn", "--data", "fashion_csv")
    assert_refused(finished, 69, "architecture 'fashion_cnn': offered by both", "odd-kit 1.2")
    succeed("show", "fashion_mlp")


@pytest.mark.parametrize("switch", ["odd", "odd-kit"])
@pytest.mark.parametrize("way", ["option", "environment"])
def test_a_plugin_is_switched_off_by_its_name_or_its_packages(
    switch: str, way: str, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.add("raise RuntimeError('imported')")
    option = ["--disable-plugin", switch] if way == "option" else []
    if way == "environment":
        monkeypatch.setenv(DISABLE, f"some-other, {switch}")
    listed = succeed("list", *option)
    assert listed.err == ""
    assert state_of("odd", succeed("plugins", "--json", *option))[0] == "off"
    finished = clfw("run", "--model", "odd", "--data", "fashion_csv", *option)
    assert_refused(finished, 69, "plugin 'odd' of odd-kit 1.2 is off")


def test_switching_off_a_plugin_that_is_not_there_is_an_error_with_the_nearest_name() -> None:
    assert_refused(
        clfw("list", "--disable-plugin", "small_cnn"),
        2,
        "--disable-plugin: no plugin named 'small_cnn'",
        "did you mean 'small_cnns'?",
    )


def test_built_in_plugins_come_by_the_same_door_and_can_be_switched_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(DISABLE, "clfw")
    rows = succeed("plugins", "--json").json
    assert {row["state"] for row in rows if row["package"] == "clfw"} == {"off"}
    finished = clfw("run", "--model", "fashion_cnn", "--data", "fashion_csv")
    assert_refused(finished, 69, "no architecture named 'fashion_cnn'", "of clfw", "is off")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"entry_points.txt": "[clfw]\nodd = \udcff\n"}, "cannot read its metadata"),
        ({"entry_points.txt": "[clfw]\nwithout a value\n"}, "cannot read its metadata"),
        ({"METADATA": "Name: odd\udcff\nVersion: 1\n"}, "cannot read its metadata"),
        ({"entry_points.txt": "[clfw]\nodd = not a module\n"}, "No module named 'not a module'"),
        ({"entry_points.txt": "[clfw]\nOdd-Net = odd_kit_odd\n"}, "'Odd-Net' is not lower_snake"),
        ({"entry_points.txt": "[clfw]\n\x1b[31mx = odd_kit_odd\n"}, r"\x1b[31mx"),
    ],
)
def test_unreadable_metadata_is_one_warning(files: dict[str, str], said: str, site: Site) -> None:
    site.add(GOOD.format(name="odd_net"), **files)
    listed = succeed("list")
    (line,) = warnings_of(listed)
    assert said in line
    assert "\x1b" not in line
    assert "fashion_cnn" in listed.out
    assert "odd_net" not in listed.out


def test_unreadable_metadata_of_a_package_that_is_no_plugin_hides_no_plugin(site: Site) -> None:
    site.add("", package="aaa-first", **{"entry_points.txt": "[console_scripts]\nx = \udcff\n"})
    site.add(GOOD.format(name="good_net"), package="good-kit")
    assert "good_net" in succeed("list").out


def test_a_package_without_metadata_is_named_after_its_folder(site: Site) -> None:
    for package in ("bare-one", "bare-two"):
        site.add(GOOD.format(name="bare_net"), package=package, METADATA="")
    finished = clfw("show", "bare_net")
    assert finished.code == 69
    assert "bare_one-1.2.dist-info" in finished.err
    assert "bare_two-1.2.dist-info" in finished.err


def test_a_folder_that_is_searched_twice_shows_its_plugins_once(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.add(GOOD.format(name="odd_net"))
    monkeypatch.setattr(sys, "path", [str(site.folder), *sys.path])
    rows = [row for row in succeed("plugins", "--json").json if row["package"] == "odd-kit"]
    assert len(rows) == 1
    succeed("show", "odd_net")


def test_a_plugin_beside_a_broken_one_serves(site: Site) -> None:
    site.add("import absent_module", name="broken", package="odd-kit")
    site.add(GOOD.format(name="good_net"), name="good", package="good-kit")
    offer = installed_catalog().find("architecture", "good_net")
    assert isinstance(offer.component, Architecture)
    assert offer.plugin.origin == "good-kit 1.2"
    assert offer.plugin.import_ms > 0


def test_every_kind_of_component_has_a_hook() -> None:
    for hook, kind in KIND_OF_HOOK.items():
        assert callable(getattr(hookspecs, hook))
        assert kind in KINDS
    assert len(KIND_OF_HOOK) == len(KINDS)
