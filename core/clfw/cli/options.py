"""Options that several commands share, and the loading of plugins and registries behind them."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from clfw.manager import Catalog
    from clfw.registry import Registry

F = TypeVar("F", bound=Callable[..., Any])

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


@dataclass(frozen=True, slots=True)
class Installed:
    """What names can be looked up in."""

    catalog: "Catalog"
    registry: "Registry"


def lookup_options(command: F) -> F:
    """Add `--registry` and `--disable-plugin`."""
    command = click.option(
        "--disable-plugin", "disabled", multiple=True, metavar="NAME",
        help="Leave one plugin out. Repeatable.",
    )(command)  # fmt: skip
    return click.option(
        "--registry", type=click.Path(path_type=Path, dir_okay=False),
        help="One more registry file, above all others.",
    )(command)  # fmt: skip


def installed(registry: Path | None, disabled: tuple[str, ...]) -> Installed:
    """Load plugins and registries; one warning line for each broken plugin."""
    from clfw.manager import installed_catalog, warn_of_broken
    from clfw.registry import read_registry

    catalog = installed_catalog(disabled)
    warn_of_broken(catalog)
    return Installed(catalog, read_registry(registry))


def say(line: str) -> None:
    """One line of talk, on stderr."""
    print(line, file=sys.stderr, flush=True)


def print_json(value: Any) -> None:
    """A result as JSON, on stdout."""
    print(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))
