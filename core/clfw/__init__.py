"""clfw trains, evaluates and ships image classifiers. These names are what a plugin's hook needs."""

from clfw.components import Architecture, Augmentation, Dataset
from clfw.errors import DataError, TaskNotSupported
from clfw.hookspecs import hookimpl
from clfw.source import Source, Submission, Table
from clfw.task import Task

__all__ = [
    "Architecture",
    "Augmentation",
    "DataError",
    "Dataset",
    "Source",
    "Submission",
    "Table",
    "Task",
    "TaskNotSupported",
    "hookimpl",
]
