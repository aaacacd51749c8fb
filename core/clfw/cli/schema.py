"""`clfw schema`: the JSON Schema of `registry.toml`, for editors."""

from pathlib import Path

import click

from clfw.cli.options import installed, lookup_options, print_json


@click.command()
@lookup_options
def schema(registry: Path | None, disabled: tuple[str, ...]) -> None:
    """Print the JSON Schema of registry.toml, with the values of every installed component.

    \b
    clfw schema > registry.schema.json
    """
    from clfw.host.registryschema import registry_schema

    there = installed(registry, disabled)
    print_json(registry_schema(there.catalog))
