"""`clfw schema`: the JSON Schema of `registry.toml`, for editors."""

from pathlib import Path

import click

from clfw.cli.options import load_catalog, lookup_options, print_json


@click.command()
@lookup_options
def schema(registry: Path | None, disabled: tuple[str, ...]) -> None:
    """Print the JSON Schema of registry.toml, with the values of every installed component.

    \b
    clfw schema > registry.schema.json
    """
    from clfw.cli.registry_schema import registry_schema

    environment = load_catalog(registry, disabled)
    print_json(registry_schema(environment.catalog))
