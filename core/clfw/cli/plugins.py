"""`clfw plugins`: what is installed and in what state. Imports neither torch nor numpy nor pydantic."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clfw.cli.options import complete_plugins, json_option, load_catalog, lookup_options, print_json
from clfw.errors import ClfwError
from clfw.text import plural

if TYPE_CHECKING:
    from clfw.plugins.manager import Catalog


class ChecksFailed(ClfwError):
    """A plugin that does not keep what plugins promise."""

    exit_code = 69


@click.group(invoke_without_command=True)
@lookup_options
@json_option
@click.pass_context
def plugins(
    context: click.Context, registry: Path | None, disabled: tuple[str, ...], as_json: bool
) -> None:
    """List installed plugins with their state, or check one.

    \b
    clfw plugins
    clfw plugins check small_cnns
    """
    if context.invoked_subcommand is not None:
        return
    rows = states(load_catalog(registry, disabled).catalog)
    if as_json:
        print_json(rows)
        return
    columns = ("name", "package", "version", "api", "import_ms", "state")
    cells = [[text_of(row[column]) for column in columns] for row in rows]
    header = ["plugin", "package", "version", "clfw", "ms", "state"]
    widths = [max(map(len, column)) for column in zip(header, *cells, strict=True)]
    for line, row in zip([header, *cells], [None, *rows], strict=True):
        told = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo(f"{told}  {'offers' if row is None else explained(row)}".rstrip())


def states(catalog: "Catalog") -> list[dict[str, Any]]:
    """One row a plugin."""
    clashes = [catalog.clash_of(plugin) for plugin in catalog.plugins]
    return [
        {
            "name": plugin.name,
            "package": plugin.package,
            "version": plugin.version,
            "api": plugin.requires or "any",
            "state": "clash" if clash else plugin.state,
            "reason": clash or plugin.reason,
            "remedy": f"switch one off: --disable-plugin {plugin.name}" if clash else plugin.remedy,
            "offers": [component.name for component in plugin.components],
            "observes": plugin.observer is not None,
            "import_ms": round(plugin.import_ms, 1),
        }
        for plugin, clash in zip(catalog.plugins, clashes, strict=True)
    ]


def text_of(value: object) -> str:
    """A cell of the table."""
    return f"{value:.1f}" if isinstance(value, float) else str(value)


def explained(row: dict[str, Any]) -> str:
    """What a plugin offers, or why it does not and what to do."""
    offers = [*row["offers"], *(["(hears of epochs)"] if row["observes"] else [])]
    if not row["reason"]:
        return ", ".join(offers)
    return f"{row['reason']}; {row['remedy']}" if row["remedy"] else str(row["reason"])


@plugins.command("check")
@click.argument("name", shell_complete=complete_plugins)
@click.option(
    "--data", "data", multiple=True, metavar="DATASET=PATH",
    help="Files for a dataset that has no sample of its own. Repeatable.",
)  # fmt: skip
@lookup_options
@json_option
def check(
    name: str,
    data: tuple[str, ...],
    registry: Path | None,
    disabled: tuple[str, ...],
    as_json: bool,
) -> None:
    """Check that plugin NAME keeps what a plugin promises; one sentence for each fault.

    \b
    clfw plugins check small_cnns
    clfw plugins check csv_images --data csv_images=examples/
    """
    from clfw.errors import UsageError
    from clfw.testing import check_catalog
    from clfw.text import escape

    files = {}
    for text in data:
        dataset, equals, path = text.partition("=")
        if not equals:
            raise UsageError(f"--data '{escape(text)}': must look like my_reader=examples/")
        files[dataset] = Path(path)
    found = check_catalog(load_catalog(registry, disabled).catalog, name, files)
    if as_json:
        print_json({"plugin": name, "checks": found.checks, "faults": found.faults})
    else:
        for fault in found.faults:
            click.echo(fault)
        checks, faults = plural(found.checks, "check"), plural(len(found.faults), "fault")
        click.echo(f"{name}: {checks}, {faults}")
    if found.faults:
        raise ChecksFailed(
            f"plugin '{name}': {plural(len(found.faults), 'promise')} not kept",
            hint="mend what is named above, then check again",
        )
