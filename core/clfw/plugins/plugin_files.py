"""Plugins in one file, named by `--plugin FILE` or `CLFW_PLUGINS`, and by nothing else.

Neither a registry nor a run folder can name one: what is downloaded must not decide what is run.
"""

import importlib.util
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from clfw.errors import InputMissing, PluginError
from clfw.plugins.plugin import Plugin
from clfw.text import escape

VARIABLE = "CLFW_PLUGINS"


def named_files(option: Iterable[Path]) -> list[Plugin]:
    """A plugin for each file of the option and of the environment, each file once.

    Raises:
        InputMissing: no such file.
    """
    origins = dict.fromkeys(option, "--plugin") | dict.fromkeys(of_environment(), VARIABLE)
    found: dict[Path, Plugin] = {}
    for path, origin in origins.items():
        if not path.is_file():
            raise InputMissing(
                f"{origin}: no file '{escape(str(path))}'",
                hint="name a .py file" + (f"; paths are joined by '{os.pathsep}'" * (origin == VARIABLE)),
            )  # fmt: skip
        found.setdefault(path.resolve(), of_file(path))
    return list(found.values())


def of_environment() -> list[Path]:
    """The files that the environment names."""
    return [Path(text) for text in os.environ.get(VARIABLE, "").split(os.pathsep) if text]


def file_options(plugins: Iterable[Plugin]) -> list[str]:
    """`--plugin FILE` for each of `plugins` that is a file which the environment does not name."""
    there = [path.resolve() for path in of_environment()]
    files = dict.fromkeys(Path(plugin.file) for plugin in plugins if plugin.file)
    here = Path.cwd()
    return [
        word
        for file in files
        if file not in there
        for word in ("--plugin", str(file.relative_to(here) if here in file.parents else file))
    ]


def of_file(path: Path) -> Plugin:
    """The plugin of one file; its version is a hash of its content."""
    import hashlib

    return Plugin(
        name=escape(path.stem, 80),
        module=path.stem,
        package=escape(path.name, 80),
        version=hashlib.sha256(path.read_bytes()).hexdigest()[:12],
        file=str(path.resolve()),
    )


def import_file(plugin: Plugin) -> ModuleType:
    """Import a plugin file under its own name, so that "name:object" finds what is in it.

    Raises:
        PluginError: another module has the name.
    """
    there = sys.modules.get(plugin.module)
    if there is not None and getattr(there, "__file__", None) == plugin.file:
        return there
    spec = None if there is not None else importlib.util.find_spec(plugin.module)
    if there is not None or (spec is not None and spec.origin != plugin.file):
        raise PluginError(f"another module is named '{plugin.module}': rename the file")
    spec = importlib.util.spec_from_file_location(plugin.module, plugin.file)
    if spec is None or spec.loader is None:
        raise PluginError("is no Python file: its name must end with .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[plugin.module] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[plugin.module]
        raise
    return module
