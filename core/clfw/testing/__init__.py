"""The kit for plugin authors: does a plugin keep what plugins promise? Nobody in core imports it.

from clfw.testing import check_plugin

def test_the_plugin_keeps_its_promises():
    check_plugin("mixer")
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from clfw.components import Architecture, Augmentation, Component, Dataset
from clfw.errors import PluginError, nearest, printable
from clfw.manager import Catalog, first_line, installed_catalog
from clfw.plugin import Plugin
from clfw.testing.finding import Check, Fault


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
            f"no plugin named '{printable(name)}' is installed",
            hint=nearest(name, known, "pip install it first; see clfw plugins"),
        )
    count, faults = 0, []
    for plugin in plugins:
        if plugin.state != "ok":
            count += 1
            faults.append(f"{plugin.name}: is {plugin.state}: {plugin.reason}; {plugin.remedy}")
        for subject, check, call in checks(plugin, files):
            count += 1
            faults += [f"{subject}: {fault}" for fault in faults_of(check, call)]
    return Findings(checks=count, faults=tuple(faults))


def faults_of(words: str, check: Check) -> Iterator[str]:
    """What a check finds; an error on the way is a fault too, named after what was tried."""
    try:
        check()
    except Fault as fault:
        yield str(fault)
    except Exception as error:
        yield f"{words} raised {first_line(error)}"


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
