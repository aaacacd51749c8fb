"""`clfw list`: what there is. Imports neither torch nor numpy nor pydantic."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from clfw.cli.options import installed, json_option, lookup_options, print_json

if TYPE_CHECKING:
    from clfw.cli.options import Installed


@click.command("list")
@click.argument("what", required=False, type=click.Choice(["models", "data", "recipes", "augment"]))
@lookup_options
@json_option
def list_(
    what: str | None, registry: Path | None, disabled: tuple[str, ...], as_json: bool
) -> None:
    """List models, data, recipes and augmentations."""
    rows = [row for row in listed(installed(registry, disabled)) if what in (None, row["kind"])]
    if as_json:
        print_json(rows)
        return
    width = max((len(row["name"]) for row in rows), default=0)
    for kind in dict.fromkeys(row["kind"] for row in rows):
        click.echo(f"{kind}:")
        for row in rows:
            if row["kind"] == kind:
                click.echo(f"  {row['name']:<{width}}  {row['summary']}  [{row['origin']}]")


def listed(there: "Installed") -> list[dict[str, str]]:
    """Entries, then components that no entry of the same name covers."""
    from clfw.registry import SECTIONS

    rows = []
    for section in SECTIONS:
        for name in there.registry.names(section):
            entry = there.registry.entries[section, name]
            rows.append(row(section, name, entry.summary, entry.origin))
        kind = {"models": "architecture", "data": "dataset"}.get(section)
        covered = set(there.registry.names(section))
        for (k, name), offers in there.catalog.offers.items():
            if k == kind and name not in covered:
                origin = " and ".join(offer.plugin.origin for offer in offers)
                clash = "offered twice: " if len(offers) > 1 else ""
                rows.append(row(section, name, clash + offers[0].component.summary, origin))
    for (kind, name), offers in there.catalog.offers.items():
        if kind == "augmentation":
            origin = offers[0].plugin.origin
            rows.append(row("augment", name, offers[0].component.summary, origin))
    return rows


def row(kind: str, name: str, summary: str, origin: str) -> dict[str, str]:
    """One line of the list."""
    return {"kind": kind, "name": name, "summary": summary, "origin": origin}
