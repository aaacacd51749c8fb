"""`clfw new`: begins something of your own."""

from pathlib import Path

import click

from clfw.cli.options import load_catalog
from clfw.io.terminal import say


@click.group(invoke_without_command=True)
@click.pass_context
def new(context: click.Context) -> None:
    """Begin a plugin."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@new.command()
@click.argument("name")
@click.option(
    "--kind", type=click.Choice(["architecture", "dataset", "augmentation"]),
    default="architecture", show_default=True, help="What it offers.",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder to make (default: clfw-NAME here)."
)
def plugin(name: str, kind: str, out: Path | None) -> None:
    """Write a complete plugin package that passes its own test.

    \b
    clfw new plugin mixer
    clfw new plugin stripes --kind dataset
    """
    from clfw.catalog.listing import catalog_rows
    from clfw.cli.templates import write_package

    environment = load_catalog(None, ())
    owners = {plugin.name: plugin.origin for plugin in environment.catalog.plugins}
    owners |= {
        row["name"]: row["origin"]
        for row in catalog_rows(environment.catalog, environment.registry)
    }
    folder = write_package(name, kind, out or Path(f"clfw-{name.replace('_', '-')}"), owners)
    click.echo(str(folder))
    say(f"next: cd {folder} && pip install -e '.[test]' && pytest && clfw show {name}")
