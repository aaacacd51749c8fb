"""Plugin code at work: what it raises without a word for people names the plugin and what mends it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

from clfw.api.components import PluginFault, load
from clfw.errors import ClfwError, PluginError, StorageError
from clfw.io.memory import is_out_of_memory
from clfw.plugins.manager import first_line, remedy_for
from clfw.plugins.plugin import Plugin
from clfw.text import escape

OURS = "clfw"  # a fault of our own plugins is a fault of clfw


@contextmanager
def plugin_errors(plugin: Plugin, what: str) -> Iterator[None]:
    """Give errors from within the block, of which `what` says what it tries, the plugin's name.

    What is meant for a person passes as it is, and so does a want of memory.

    Raises:
        PluginError: of whatever else was raised, an exit of the process among it.
        StorageError: of a file that the plugin could not read or write.
    """
    where = f"plugin '{plugin.name}' of {plugin.origin}"
    try:
        with redirect_stdout(sys.stderr):  # stdout is for results
            yield
    except PluginFault as error:
        own = error.hint != error.advice
        hint = error.hint if own else repair_hint(error.__cause__ or error, plugin)
        raise PluginError(f"{where}: {error.message}", hint=hint) from error
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
    """What the plugin's function of that reference returns; raises as `attributed` does."""
    with plugin_errors(plugin, reference):
        return load(reference)(*arguments)


def repair_hint(error: BaseException, plugin: Plugin) -> str:
    """The action that mends a plugin, and how its author sees where it failed."""
    return f"{remedy_for(error, plugin)}; CLFW_DEBUG=1 shows where it was raised"
