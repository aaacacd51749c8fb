"""clfw trains, evaluates and ships image classifiers: what Python code can do, and what a plugin needs."""

from typing import TYPE_CHECKING

from clfw.api.components import Architecture, Augmentation, Dataset
from clfw.api.hookspecs import hookimpl
from clfw.errors import ClfwError, DataError, TaskNotSupported

if TYPE_CHECKING:
    from clfw.api.source import Detected, Source, Submission, Table
    from clfw.api.task import Task
    from clfw.artifacts.weights_header import read_header, refuse_pickle, require_whole
    from clfw.functions import evaluate, load, predict, resume, train
    from clfw.models.weights_io import read_tensors, require_fit

__all__ = [
    "Architecture",
    "Augmentation",
    "ClfwError",
    "DataError",
    "Dataset",
    "Detected",
    "Source",
    "Submission",
    "Table",
    "Task",
    "TaskNotSupported",
    "evaluate",
    "hookimpl",
    "load",
    "predict",
    "read_header",
    "read_tensors",
    "refuse_pickle",
    "require_fit",
    "require_whole",
    "resume",
    "train",
]
# Imported when they are asked for: no hook needs them, and `clfw list` asks only hooks.
_LATER = {
    "Detected": "api.source",
    "Source": "api.source",
    "Submission": "api.source",
    "Table": "api.source",
    "Task": "api.task",
    "evaluate": "functions",
    "load": "functions",
    "predict": "functions",
    "read_header": "artifacts.weights_header",
    "read_tensors": "models.weights_io",
    "refuse_pickle": "artifacts.weights_header",
    "require_fit": "models.weights_io",
    "require_whole": "artifacts.weights_header",
    "resume": "functions",
    "train": "functions",
}


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module 'clfw' has no attribute '{name}'")
    import importlib

    return getattr(importlib.import_module(f"clfw.{_LATER[name]}"), name)
