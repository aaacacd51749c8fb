"""The hooks a plugin may implement: three that say what it offers, two that hear of a run.

An implementation may take fewer arguments than its hook has, so adding one breaks no plugin.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pluggy

from clfw.api.components import Architecture, Augmentation, Dataset

if TYPE_CHECKING:
    from clfw.api.reports import EpochReport

PROJECT = "clfw"

_F = TypeVar("_F", bound=Callable[..., object])
hookspec = pluggy.HookspecMarker(PROJECT)


def hookimpl(function: _F) -> _F:
    """Mark a function of a plugin's module as the implementation of the hook it is named after."""
    return pluggy.HookimplMarker(PROJECT)(function)


@hookspec
def clfw_architectures() -> Iterable[Architecture]:
    """Which architectures do you offer?"""
    return []


@hookspec
def clfw_datasets() -> Iterable[Dataset]:
    """Which dataset readers do you offer?"""
    return []


@hookspec
def clfw_augmentations() -> Iterable[Augmentation]:
    """Which augmentations do you offer?"""
    return []


@hookspec
def clfw_run_planned(plan: Mapping[str, Any]) -> None:
    """A run that names this plugin with `--logger` begins or goes on. Raise what would stop it later."""


@hookspec
def clfw_epoch_finished(folder: Path, plan: Mapping[str, Any], report: "EpochReport") -> None:
    """An epoch of a run that names this plugin with `--logger` has ended. Look, do not touch."""
