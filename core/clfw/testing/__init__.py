"""The kit for plugin authors: does a plugin keep what plugins promise? Nobody in core imports it.

from clfw.testing import check_plugin

def test_the_plugin_keeps_its_promises():
    check_plugin("mixer")
"""

import contextlib
import sys
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from clfw.api.components import Architecture, Augmentation, Component, Dataset
from clfw.errors import PluginError
from clfw.plugins.manager import Catalog, first_line, installed_catalog
from clfw.plugins.plugin import Plugin
from clfw.testing.check import Check, Fault
from clfw.text import did_you_mean, escape


@dataclass(frozen=True, kw_only=True, slots=True)
class Findings:
    """How many checks were made, and one sentence for each promise that is not kept."""

    checks: int
    faults: tuple[str, ...]


def check_plugin(name: str, data: Mapping[str, Path | str] | None = None) -> None:
    """Raise `AssertionError` with one sentence for each promise that installed plugin `name` breaks.

    `data` has files to read for each dataset that has no sample of its own, by the dataset's name.
    """
    files = {dataset: Path(path) for dataset, path in (data or {}).items()}
    found = check_catalog(installed_catalog(), name, files)
    if found.faults:
        raise AssertionError("\n".join([f"plugin '{name}':", *found.faults]))


def check_catalog(catalog: Catalog, name: str, files: Mapping[str, Path]) -> Findings:
    """Check the plugin of that entry point name, or of that package."""
    plugins = [p for p in catalog.plugins if name in (p.name, p.package)]
    if not plugins:
        known = [plugin.name for plugin in catalog.plugins]
        raise PluginError(
            f"no plugin named '{escape(name)}' is installed",
            hint=did_you_mean(name, known, "pip install it first; see clfw plugins"),
        )
    count, faults = 0, []
    for plugin in plugins:
        count += 1
        if plugin.state != "ok":  # nothing of it is imported, which may be the reason
            remedy = f"; {plugin.remedy}" if plugin.remedy else ""
            faults.append(f"{plugin.name}: is {plugin.state}: {plugin.reason}{remedy}")
            continue
        if clash := catalog.clash_of(plugin):
            faults.append(f"{plugin.name}: {clash}: give it another name, or switch one off")
        found: dict[str, str] = {}  # what breaks one check often breaks the next in the same way
        for subject, words, check in checks(plugin, files):
            count += 1
            if fault := fault_of(words, check, plugin):
                found.setdefault(f"{subject}: {fault.removeprefix(words)}", f"{subject}: {fault}")
        faults += found.values()
    return Findings(checks=count, faults=tuple(faults))


def fault_of(words: str, check: Check, plugin: Plugin) -> str:
    """What a check finds, empty for nothing; an error on the way is a fault of its own."""
    try:
        with contextlib.redirect_stdout(sys.stderr):  # stdout is for the findings
            check()
    except Fault as fault:
        return str(fault)
    except (Exception, SystemExit) as error:
        return f"{place_of(error, plugin) or words} raised {first_line(error)}"
    return ""


def place_of(error: BaseException, plugin: Plugin) -> str:
    """The line of the plugin's own code that raised, as "model.py, line 7"; empty for none."""
    package = plugin.module.partition(".")[0]
    places = [
        f"{Path(frame.f_code.co_filename).name}, line {line}"
        for frame, line in traceback.walk_tb(error.__traceback__)
        if str(frame.f_globals.get("__name__")).partition(".")[0] == package
    ]
    return places[-1] if places else ""


def checks(plugin: Plugin, files: Mapping[str, Path]) -> Iterator[tuple[str, str, Check]]:
    """(subject, what is tried, the check) for everything that a plugin offers."""
    from clfw.testing.declarations import component_checks, plugin_checks

    for words, check in plugin_checks(plugin).items():
        yield plugin.name, words, check
    for component in plugin.components:
        for words, check in component_checks(component).items():
            yield component.name, words, check
        for words, check in checks_by_kind(component, plugin, files).items():
            yield component.name, words, check


def checks_by_kind(
    component: Component, plugin: Plugin, files: Mapping[str, Path]
) -> dict[str, Check]:
    """The checks of an architecture, a dataset or an augmentation."""
    if isinstance(component, Architecture):
        from clfw.testing.architectures import architecture_checks

        return architecture_checks(component)
    if isinstance(component, Dataset):
        from clfw.testing.datasets import dataset_checks

        return dataset_checks(component, plugin, files.get(component.name))
    assert isinstance(component, Augmentation)
    from clfw.testing.augmentations import augmentation_checks

    return augmentation_checks(component)
