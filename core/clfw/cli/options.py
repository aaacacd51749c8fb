"""Options that several commands share, and the loading of plugins and registries behind them."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from clfw.errors import ClfwError
from clfw.text import escape, escape_lines

if TYPE_CHECKING:
    from clfw.catalog.registry import Registry
    from clfw.plugins.manager import Catalog

F = TypeVar("F", bound=Callable[..., Any])
PLUGIN_FILES = "clfw.plugin_files"  # key of what --plugin named, in click's context

json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
data_dir_option = click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of full datasets (default: CLFW_DATA_DIR, else the platform's data folder).",
)
device_option = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda", "mps"]),
    default="auto",
    show_default=True,
    help="What computes.",
)
settings_option = click.option(
    "--set", "settings", multiple=True, metavar="GROUP.KEY=VALUE",
    help="Set a value: model.width=8, data.image_size=28, train.lr=0.01. Repeatable.",
)  # fmt: skip
on_bad_image_option = click.option(
    "--on-bad-image",
    type=click.Choice(["fail", "skip"]),
    help="What a picture that does not decode does: end it here (the default), or be left out.",
)


@dataclass(frozen=True, slots=True)
class Environment:
    """What names can be looked up in."""

    catalog: "Catalog"
    registry: "Registry"


def lookup_options(command: F) -> F:
    """Add `--registry`, `--disable-plugin` and `--plugin`, which `installed` finds by itself."""
    command = click.option(
        "--plugin", type=click.Path(path_type=Path, dir_okay=False), multiple=True, metavar="FILE",
        expose_value=False, is_eager=True, callback=keep_plugin_files,
        help="Load a plugin of one file too. Repeatable.",
    )(command)  # fmt: skip
    command = click.option(
        "--disable-plugin", "disabled", multiple=True, metavar="NAME",
        shell_complete=complete_plugins,
        help="Leave one plugin out. Repeatable.",
    )(command)  # fmt: skip
    return click.option(
        "--registry", type=click.Path(path_type=Path, dir_okay=False),
        help="One more registry file, above all others.",
    )(command)  # fmt: skip


def source_options(command: F) -> F:
    """Add `--data-dir`, `--require-full` and `--sample`: which pictures a data entry stands for."""
    for option in (
        click.option(
            "--sample", is_flag=True, help="Use the bundled sample even where the full set is."
        ),
        click.option("--require-full", is_flag=True, help="Refuse the bundled sample."),
        data_dir_option,
    ):
        command = option(command)
    return command


def keep_plugin_files(context: click.Context, option: click.Parameter, files: Any) -> None:
    """Note what `--plugin` names, for `plugin_files`."""
    context.meta[PLUGIN_FILES] = (*context.meta.get(PLUGIN_FILES, ()), *files)


def plugin_files() -> tuple[Path, ...]:
    """What the command's `--plugin` options name."""
    context = click.get_current_context(silent=True)
    return context.meta.get(PLUGIN_FILES, ()) if context else ()


def load_catalog(
    registry: Path | None, disabled: tuple[str, ...], absent: Sequence[str] = ()
) -> Environment:
    """Load plugins and registries; one warning line for each broken plugin.

    `absent` are names that `disabled` may have although nothing of that name is installed.

    Raises:
        PluginError: a file that `--plugin` names is broken.
    """
    from clfw.catalog.registry import read_registry
    from clfw.plugins.manager import installed_catalog, require_files, warn_of_broken

    catalog = installed_catalog(disabled, plugin_files(), absent)
    require_files(catalog, plugin_files())
    warn_of_broken(catalog)
    return Environment(catalog, read_registry(registry))


def complete(*kinds: str) -> Callable[[click.Context, click.Parameter, str], list[Any]]:
    """Shell completion by the names of `clfw list` of these kinds; all of them for none.

    Data may be a path too, which the shell completes by itself.
    """

    def names(context: click.Context, option: click.Parameter, typed: str) -> list[Any]:
        if "data" in kinds and ("/" in typed or typed.startswith((".", "~"))):
            from click.shell_completion import CompletionItem

            return [CompletionItem(typed, type="file")]
        from clfw.catalog.listing import catalog_rows
        from clfw.catalog.registry import read_registry
        from clfw.plugins.manager import installed_catalog

        try:
            rows = catalog_rows(installed_catalog(), read_registry())
        except ClfwError:  # a shell that completes is no place for errors
            return []
        known = dict.fromkeys(r["name"] for r in rows if not kinds or r["kind"] in kinds)
        return [name for name in known if name.startswith(typed)]

    return names


def complete_loggers(context: click.Context, option: click.Parameter, typed: str) -> list[str]:
    """Shell completion by the plugins that hear of finished epochs."""
    from clfw.plugins.manager import installed_catalog

    return [p.name for p in installed_catalog().plugins if p.observer and p.name.startswith(typed)]


def complete_plugins(context: click.Context, option: click.Parameter, typed: str) -> list[str]:
    """Shell completion by the names of installed plugins, none of which is imported."""
    from clfw.plugins.manager import discover_plugins

    return [plugin.name for plugin in discover_plugins() if plugin.name.startswith(typed)]


def with_data(settings: tuple[str, ...], **values: str | None) -> tuple[str, ...]:
    """`settings` and the data values that have an option of their own, where they are given."""
    return (*settings, *(f"data.{key}={value}" for key, value in values.items() if value))


def say(line: str) -> None:
    """One line of talk, on stderr; a reader that has gone away stops no training."""
    try:
        print(escape_lines(line), file=sys.stderr, flush=True)
    except OSError:
        import os

        sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115  (for the rest of the process)


def say_seen(text: str, seen: str, component: str) -> None:
    """What the path that a person gave as data was taken for, if it was one."""
    if seen:
        say(f"data    {escape(text)}: {escape(seen, 400)}, read as {component}")


def print_json(value: Any) -> None:
    """A result as JSON, on stdout; what a terminal would not show as it is stands as an escape."""
    import json

    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    shown = (c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)
    print(text if text.replace("\n", "").isprintable() else "".join(shown))
