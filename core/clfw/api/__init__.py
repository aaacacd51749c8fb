"""What plugin authors import: components, hooks, parameters, sources, and helpers for files and words.

These names, with those of `clfw` itself, are the public surface for plugins; everything else in core may
change without notice. Each is imported when it is asked for, so that a plugin's hook stays light.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clfw.api import run_files
    from clfw.api.array_source import ArraySource, Content, Part
    from clfw.api.class_params import ClassParams
    from clfw.api.components import Architecture, Augmentation, Dataset
    from clfw.api.draws import Augment, Draws
    from clfw.api.hookspecs import hookimpl
    from clfw.api.labels import label_texts, require_texts
    from clfw.api.params import Params
    from clfw.api.preprocess import MAX_SIDE, Preprocess
    from clfw.api.reports import EpochReport, EvaluationPoint
    from clfw.api.source import SPLITS, Detected, FileSource, Source, Submission, Table
    from clfw.api.submissions import submission_layout
    from clfw.api.task import Task
    from clfw.errors import (
        ClfwError,
        DataError,
        Diverged,
        InputMissing,
        OutputError,
        PluginError,
        ResourceError,
        StorageError,
        TaskNotSupported,
        UsageError,
    )
    from clfw.io.csv_file import (
        CsvRow,
        as_utf8,
        checked_columns,
        decoded,
        delimiter_of,
        is_list,
        read_csv,
        read_head,
        records,
        wrong_length,
    )
    from clfw.io.file_tree import (
        MAX_MEMBER,
        FileTree,
        SingleFileTree,
        is_picture,
        is_regular,
        is_stray,
        open_tree,
        unsupported_images,
        unsupported_images_line,
        wrapping_folder,
    )
    from clfw.io.idx_file import GZIP_MAGIC, read_idx
    from clfw.io.progress import Progress, ProgressBar
    from clfw.text import bullet_list, did_you_mean, escape, plural

VERSION = 1
"""Of this surface. A plugin written for it loads in every clfw that has the same number: names may be
added and optional fields and arguments too; what is removed or renamed raises the number."""

_HOME = {
    "clfw.api": ("run_files",),
    "clfw.api.array_source": (
        "ArraySource",
        "Content",
        "Part",
    ),
    "clfw.api.class_params": ("ClassParams",),
    "clfw.api.components": (
        "Architecture",
        "Augmentation",
        "Dataset",
    ),
    "clfw.api.draws": (
        "Augment",
        "Draws",
    ),
    "clfw.api.hookspecs": ("hookimpl",),
    "clfw.api.labels": (
        "label_texts",
        "require_texts",
    ),
    "clfw.api.params": ("Params",),
    "clfw.api.preprocess": ("MAX_SIDE", "Preprocess"),
    "clfw.api.reports": (
        "EpochReport",
        "EvaluationPoint",
    ),
    "clfw.api.source": (
        "Detected",
        "FileSource",
        "SPLITS",
        "Source",
        "Submission",
        "Table",
    ),
    "clfw.api.submissions": ("submission_layout",),
    "clfw.api.task": ("Task",),
    "clfw.errors": (
        "ClfwError",
        "DataError",
        "Diverged",
        "InputMissing",
        "OutputError",
        "PluginError",
        "ResourceError",
        "StorageError",
        "TaskNotSupported",
        "UsageError",
    ),
    "clfw.io.csv_file": (
        "CsvRow",
        "as_utf8",
        "checked_columns",
        "decoded",
        "delimiter_of",
        "is_list",
        "read_csv",
        "read_head",
        "records",
        "wrong_length",
    ),
    "clfw.io.file_tree": (
        "FileTree",
        "MAX_MEMBER",
        "SingleFileTree",
        "is_picture",
        "is_regular",
        "is_stray",
        "open_tree",
        "unsupported_images",
        "unsupported_images_line",
        "wrapping_folder",
    ),
    "clfw.io.idx_file": ("GZIP_MAGIC", "read_idx"),
    "clfw.io.progress": (
        "Progress",
        "ProgressBar",
    ),
    "clfw.text": (
        "bullet_list",
        "did_you_mean",
        "escape",
        "plural",
    ),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}
__all__ = [
    "GZIP_MAGIC",
    "MAX_MEMBER",
    "MAX_SIDE",
    "SPLITS",
    "VERSION",
    "Architecture",
    "ArraySource",
    "Augment",
    "Augmentation",
    "ClassParams",
    "ClfwError",
    "Content",
    "CsvRow",
    "DataError",
    "Dataset",
    "Detected",
    "Diverged",
    "Draws",
    "EpochReport",
    "EvaluationPoint",
    "FileSource",
    "FileTree",
    "InputMissing",
    "OutputError",
    "Params",
    "Part",
    "PluginError",
    "Preprocess",
    "Progress",
    "ProgressBar",
    "ResourceError",
    "SingleFileTree",
    "Source",
    "StorageError",
    "Submission",
    "Table",
    "Task",
    "TaskNotSupported",
    "UsageError",
    "as_utf8",
    "bullet_list",
    "checked_columns",
    "decoded",
    "delimiter_of",
    "did_you_mean",
    "escape",
    "hookimpl",
    "is_list",
    "is_picture",
    "is_regular",
    "is_stray",
    "label_texts",
    "open_tree",
    "plural",
    "read_csv",
    "read_head",
    "read_idx",
    "records",
    "require_texts",
    "run_files",
    "submission_layout",
    "unsupported_images",
    "unsupported_images_line",
    "wrapping_folder",
    "wrong_length",
]


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'clfw.api' has no attribute '{name}'")
    import importlib

    home = _MODULE_OF[name]
    if home == __name__:  # a module beside this one
        return importlib.import_module(f"{home}.{name}")
    return getattr(importlib.import_module(home), name)


def __dir__() -> list[str]:
    return [*__all__]
