"""Calls into plugin code: an unexpected exception becomes an error that names the plugin and a fix."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

from clfw.api.components import PluginFault, load
from clfw.errors import ClfwError, PluginError, StorageError
from clfw.io.memory import is_out_of_memory
from clfw.plugins.manager import first_line, remedy_for
from clfw.plugins.plugin import Plugin
from clfw.plugins.renamed import new_name
from clfw.text import escape

OURS = "clfw"  # a fault of our own plugins is a fault of clfw


@contextmanager
def plugin_errors(plugin: Plugin, what: str) -> Iterator[None]:
    """Add the plugin's name to errors raised in the block; `what` says what it was doing.

    Errors meant for people pass unchanged, and so does running out of memory.

    Raises:
        PluginError: for anything else, including `SystemExit`.
        StorageError: for a file that the plugin could not read or write.
    """
    where = f"plugin '{plugin.name}' of {plugin.origin}"
    try:
        with redirect_stdout(sys.stderr):  # stdout is for results
            yield
    except PluginFault as error:
        own = error.hint != error.default_hint
        cause = error.__cause__ or error
        hint = error.hint if own else repair_hint(cause, plugin)
        message = "; ".join(filter(None, (error.message, new_name(cause))))
        raise PluginError(f"{where}: {message}", hint=hint) from error
    except ClfwError:
        raise
    except (Exception, SystemExit) as error:
        if plugin.package == OURS or is_out_of_memory(error):
            raise
        if isinstance(error, OSError) and error.filename:
            file = escape(str(error.filename))
            raise StorageError(f"{where}: {what}: {file}: {error.strerror}") from error
        raise PluginError(
            f"{where}: {what} raised {first_line(error)}", hint=repair_hint(error, plugin)
        ) from error


def call_plugin(plugin: Plugin, reference: str, *arguments: Any) -> Any:
    """What the plugin's function of that reference returns; raises as `plugin_errors` does."""
    with plugin_errors(plugin, reference):
        return load(reference)(*arguments)


def repair_hint(error: BaseException, plugin: Plugin) -> str:
    """What fixes a plugin, and how its author sees where it failed."""
    return f"{remedy_for(error, plugin)}; CLFW_DEBUG=1 shows where it was raised"
