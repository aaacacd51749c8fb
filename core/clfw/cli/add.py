"""`clfw data add`: gives data that lies at a path a name."""

from dataclasses import replace
from pathlib import Path

import click

from clfw.cli.options import load_catalog, lookup_options, say_seen, settings_option


@click.command("add")
@click.argument("name")
@click.argument("path")
@settings_option
@click.option("--user", is_flag=True, help="Write to your own registry, for every folder.")
@lookup_options
def add(
    name: str,
    path: str,
    settings: tuple[str, ...],
    user: bool,
    registry: Path | None,
    disabled: tuple[str, ...],
) -> None:
    """Write an entry NAME for the data at PATH into ./registry.toml.

    \b
    clfw data add shoes ./photos
    clfw data add birds list.csv --set data.label=species --user
    """
    from clfw.api.params import Layer, parse_settings
    from clfw.catalog.detection import find_data, is_known
    from clfw.catalog.registry import user_registry
    from clfw.catalog.registry_edit import add_entry, refuse_taken
    from clfw.cli.check import refuse_other_groups
    from clfw.config.data_choice import Request, resolve_data
    from clfw.errors import UsageError
    from clfw.text import escape

    environment = load_catalog(registry, disabled)
    given = parse_settings(settings)
    refuse_other_groups(given)
    refuse_taken(name, environment.catalog, environment.registry)
    if is_known(path, environment.catalog, environment.registry):
        raise UsageError(
            f"'{escape(path)}': is a name, and PATH is to be a path",
            hint=f"for the folder of that name: ./{escape(path)}",
        )
    found = find_data(path, given["data"], environment.catalog, environment.registry)
    resolve_data(found, environment.catalog, [Layer("--set", given["data"])], Request(data=path))
    values = {**found.table("values"), **given["data"]}
    if not user:
        values["path"] = from_here(Path(values["path"]))
    target = user_registry() if user else Path("registry.toml")
    add_entry(replace(found, name=name, fields={**found.fields, "values": values}), target)
    say_seen(path, found.seen, found.component)
    click.echo(f"{target}: data.{name}; clfw run --model plain_cnn --data {name}")


def from_here(path: Path) -> str:
    """A path below the working folder, where ./registry.toml is, from there; another as it is."""
    here = Path.cwd()
    return (path.relative_to(here) if path.is_relative_to(here) else path).as_posix()
