"""Single-file plugins, named only by `--plugin FILE` or `CLFW_PLUGINS`.

Neither a registry nor a run folder can name one: a download must not decide what code is run.
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
    origins = dict.fromkeys(option, "--plugin") | dict.fromkeys(files_of_environment(), VARIABLE)
    found: dict[Path, Plugin] = {}
    for path, origin in origins.items():
        if not path.is_file():
            raise InputMissing(
                f"{origin}: no file '{escape(str(path))}'",
                hint="name a .py file" + (f"; separate paths with '{os.pathsep}'" * (origin == VARIABLE)),
            )  # fmt: skip
        found.setdefault(path.resolve(), plugin_of_file(path))
    return list(found.values())


def files_of_environment() -> list[Path]:
    """The files that `CLFW_PLUGINS` names."""
    return [Path(text) for text in os.environ.get(VARIABLE, "").split(os.pathsep) if text]


def file_options(plugins: Iterable[Plugin]) -> list[str]:
    """`--plugin FILE` for each plugin file that the environment does not name already."""
    known = [path.resolve() for path in files_of_environment()]
    files = dict.fromkeys(Path(plugin.file) for plugin in plugins if plugin.file)
    here = Path.cwd()
    return [
        word
        for file in files
        if file not in known
        for word in ("--plugin", str(file.relative_to(here) if here in file.parents else file))
    ]


def plugin_of_file(path: Path) -> Plugin:
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
    """Import a plugin file under its own name, so that "name:object" references resolve.

    Raises:
        PluginError: another module has the name.
    """
    loaded = sys.modules.get(plugin.module)
    if loaded is not None and getattr(loaded, "__file__", None) == plugin.file:
        return loaded
    spec = None if loaded is not None else importlib.util.find_spec(plugin.module)
    if loaded is not None or (spec is not None and spec.origin != plugin.file):
        raise PluginError(f"another module is named '{plugin.module}': rename the file")
    spec = importlib.util.spec_from_file_location(plugin.module, plugin.file)
    if spec is None or spec.loader is None:
        raise PluginError("is not a Python file: its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[plugin.module] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[plugin.module]
        raise
    return module
