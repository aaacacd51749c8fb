"""clfw trains, evaluates and ships image classifiers. These names are what a plugin needs."""

from typing import TYPE_CHECKING

from clfw.components import Architecture, Augmentation, Dataset
from clfw.errors import DataError, TaskNotSupported
from clfw.hookspecs import hookimpl

if TYPE_CHECKING:
    from clfw.source import Recognised, Source, Submission, Table
    from clfw.task import Task

__all__ = [
    "Architecture",
    "Augmentation",
    "DataError",
    "Dataset",
    "Recognised",
    "Source",
    "Submission",
    "Table",
    "Task",
    "TaskNotSupported",
    "hookimpl",
]
# Imported when they are asked for: no hook needs them, and `clfw list` asks only hooks.
_LATER = {
    "Recognised": "source",
    "Source": "source",
    "Submission": "source",
    "Table": "source",
    "Task": "task",
}


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module 'clfw' has no attribute '{name}'")
    import importlib

    return getattr(importlib.import_module(f"clfw.{_LATER[name]}"), name)
