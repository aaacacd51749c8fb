"""`clfw plugins`: what is installed and in what state. Imports neither torch nor numpy nor pydantic."""

from pathlib import Path

import click

from clfw.cli.options import installed, json_option, lookup_options, print_json


@click.command()
@lookup_options
@json_option
def plugins(registry: Path | None, disabled: tuple[str, ...], as_json: bool) -> None:
    """List installed plugins with their state."""
    catalog = installed(registry, disabled).catalog
    clashing = {
        offer.plugin.name: f"clash: {kind} '{name}' is offered by "
        + " and ".join(o.plugin.origin for o in offers)
        for kind, name, offers in catalog.clashes()
        for offer in offers
    }
    rows = [
        {
            "name": plugin.name,
            "package": plugin.package,
            "version": plugin.version,
            "state": "clash" if plugin.name in clashing else plugin.state,
            "reason": clashing.get(plugin.name, plugin.reason),
            "offers": [component.name for component in plugin.components],
            "import_ms": round(plugin.import_ms, 1),
        }
        for plugin in catalog.plugins
    ]
    if as_json:
        print_json(rows)
        return
    width = max((len(str(row["name"])) for row in rows), default=0)
    for row in rows:
        offers = ", ".join(row["offers"]) if isinstance(row["offers"], list) else ""
        state = f"{row['state']}: {row['reason']}" if row["reason"] else str(row["state"])
        click.echo(
            f"{row['name']:<{width}}  {row['package']} {row['version']}  {row['import_ms']:>5} ms  "
            f"{state}  {offers}"
        )
