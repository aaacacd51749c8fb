"""`clfw list`: what there is. Imports neither torch nor numpy nor pydantic."""

from pathlib import Path

import click

from clfw.cli.options import json_option, load_catalog, lookup_options, print_json
from clfw.io.terminal import say
from clfw.text import plural


@click.command("list")
@click.argument("what", required=False, type=click.Choice(["models", "data", "recipes", "augment"]))
@click.option(
    "--filter", "conditions", multiple=True, metavar="FACT<VALUE",
    help="Only where it holds: kind, name, package, parameters (how many), channels, accuracy (the "
    "best published one, a share: 0.9 is 90%); as in parameters<1e6, channels=1, accuracy>=0.9. "
    "Repeatable.",
)  # fmt: skip
@lookup_options
@json_option
def list_(
    what: str | None,
    conditions: tuple[str, ...],
    registry: Path | None,
    disabled: tuple[str, ...],
    as_json: bool,
) -> None:
    """List models, data, recipes and augmentations.

    \b
    clfw list models
    clfw list --filter 'parameters<1e6' --filter channels=1
    """
    from clfw.catalog.listing import catalog_rows, filter_rows

    environment = load_catalog(registry, disabled)
    known = [
        row
        for row in catalog_rows(environment.catalog, environment.registry)
        if what in (None, row["kind"])
    ]
    rows = filter_rows(known, conditions)
    if not rows:
        say(f"none of {plural(len(known), 'name')} has {' and '.join(conditions)}")
    if as_json:
        print_json(rows)
        return
    width = max((len(row["name"]) for row in rows), default=0)
    for kind in dict.fromkeys(row["kind"] for row in rows):
        click.echo(f"{kind}:")
        for row in rows:
            if row["kind"] == kind:
                click.echo(f"  {row['name']:<{width}}  {row['summary']}  [{row['origin']}]")
