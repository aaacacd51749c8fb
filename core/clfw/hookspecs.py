"""The hooks a plugin may implement. Pure declarations: each returns what the plugin offers."""

from collections.abc import Callable, Iterable
from typing import TypeVar

import pluggy

from clfw.components import Architecture, Augmentation, Dataset

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
