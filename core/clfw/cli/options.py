"""Options that several commands share, and the loading of plugins and registries behind them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from clfw.errors import ClfwError, UsageError
from clfw.io.terminal import say
from clfw.text import detected_line

if TYPE_CHECKING:
    from clfw.catalog.environment import Environment
    from clfw.config.data_choice import Request
    from clfw.io.progress import Console

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
    help="Device to compute on.",
)
settings_option = click.option(
    "--set", "settings", multiple=True, metavar="GROUP.KEY=VALUE",
    help="Set a value: model.width=8, data.image_size=28, train.lr=0.01. Repeatable.",
)  # fmt: skip
on_bad_image_option = click.option(
    "--on-bad-image",
    type=click.Choice(["fail", "skip"]),
    help="Unreadable pictures: stop (fail, the default) or skip them.",
)


def lookup_options(command: F) -> F:
    """Add `--registry`, `--disable-plugin` and `--plugin`; `load_catalog` finds the last by itself."""
    command = click.option(
        "--plugin", type=click.Path(path_type=Path, dir_okay=False), multiple=True, metavar="FILE",
        expose_value=False, is_eager=True, callback=keep_plugin_files,
        help="Also load a plugin from a single file. Repeatable.",
    )(command)  # fmt: skip
    command = click.option(
        "--disable-plugin", "disabled", multiple=True, metavar="NAME",
        shell_complete=complete_plugins,
        help="Do not load this plugin. Repeatable.",
    )(command)  # fmt: skip
    return click.option(
        "--registry", type=click.Path(path_type=Path, dir_okay=False),
        help="An additional registry file; it overrides all others.",
    )(command)  # fmt: skip


def source_options(command: F) -> F:
    """Add `--data-dir`, `--require-full` and `--sample`: which pictures a data entry stands for."""
    for option in (
        click.option(
            "--sample", is_flag=True, help="Use the bundled sample even if the full set is present."
        ),
        click.option(
            "--require-full", is_flag=True, help="Fail if only the bundled sample is present."
        ),
        data_dir_option,
    ):
        command = option(command)
    return command


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What the options of `request_options` say.

    Attributes:
        settings: texts of `--set`.
        disabled: names of `--disable-plugin`.
    """

    settings: tuple[str, ...]
    device: str
    data_dir: Path | None
    require_full: bool
    sample: bool
    registry: Path | None
    disabled: tuple[str, ...]

    def environment(self) -> "Environment":
        """Installed components and registry entries."""
        return load_catalog(self.registry, self.disabled)

    def request(self, data: str = "", *, settings: Sequence[str] = (), **fields: Any) -> "Request":
        """What a person asked for; `settings` come on top of those of `--set`."""
        from clfw.config.data_choice import Request

        return Request(
            data=data,
            settings=(*self.settings, *settings),
            device=self.device,
            data_folder=self.data_dir,
            require_full=self.require_full,
            sample=self.sample,
            **fields,
        )


def request_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add `--set`, `--device`, what data stands for and where names are looked up, as one `Asked`."""

    @wraps(command)
    def packed(*arguments: Any, **values: Any) -> None:
        given = {field.name: values.pop(field.name) for field in fields(Asked)}
        command(*arguments, asked=Asked(**given), **values)

    return settings_option(device_option(source_options(lookup_options(packed))))


def renamed_option(old: str, new: str, *, takes_value: bool = False) -> Callable[[F], F]:
    """Refuse an option by its earlier name, with the present one."""

    def refuse(context: click.Context, option: click.Parameter, value: Any) -> None:
        if value:
            raise UsageError(f"{old}: this option is now {new}", hint=f"write {new}")

    return click.option(
        old, hidden=True, expose_value=False, is_flag=not takes_value, callback=refuse
    )


def keep_plugin_files(context: click.Context, option: click.Parameter, files: Any) -> None:
    """Note what `--plugin` names, for `plugin_files`."""
    context.meta[PLUGIN_FILES] = (*context.meta.get(PLUGIN_FILES, ()), *files)


def plugin_files() -> tuple[Path, ...]:
    """What the command's `--plugin` options name."""
    context = click.get_current_context(silent=True)
    return context.meta.get(PLUGIN_FILES, ()) if context else ()


def load_catalog(
    registry: Path | None, disabled: tuple[str, ...], absent: Sequence[str] = ()
) -> "Environment":
    """Plugins and registries, with the plugin files that `--plugin` names."""
    from clfw.catalog.environment import load_environment

    return load_environment(registry, disabled, plugin_files(), absent)


def console() -> "Console":
    """Lines and bars on stderr."""
    from clfw.io.progress import Console
    from clfw.io.progress_bars import show_progress

    return Console(say=say, progress=show_progress)


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


def data_settings(**values: str | None) -> tuple[str, ...]:
    """The data values that have an option of their own, where they are given, as `--set` takes them."""
    return tuple(f"data.{key}={value}" for key, value in values.items() if value)


def say_seen(text: str, seen: str, component: str) -> None:
    """What the path that a person gave as data was taken for, if it was one."""
    if seen:
        say(detected_line(text, seen, component))


def print_json(value: Any) -> None:
    """A result as JSON, on stdout; what a terminal would not show as it is stands as an escape."""
    import json

    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    shown = (c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)
    print(text if text.replace("\n", "").isprintable() else "".join(shown))
