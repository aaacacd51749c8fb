"""`clfw cache`: what was kept to save work, how large it is, and how to be rid of it."""

import time
from typing import TYPE_CHECKING

import click

from clfw.cli.options import json_option, print_json
from clfw.errors import UsageError
from clfw.io.terminal import say

if TYPE_CHECKING:
    from clfw.data.caches import CacheEntry


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def cache(context: click.Context, as_json: bool) -> None:
    """List what is kept to save work, by data: decoded pictures, features, tables.

    \b
    clfw cache
    clfw cache clear --older-than 30
    clfw cache clear pixels
    """
    if context.invoked_subcommand is not None:
        if as_json:
            raise UsageError(
                f"--json: stands behind {context.invoked_subcommand}",
                hint=f"clfw cache {context.invoked_subcommand} --json",
            )
        return
    from clfw.config.memory import format_size
    from clfw.data.caches import cache_entries, unknown_entries
    from clfw.io.storage import cache_root

    root = cache_root()
    entries = cache_entries(root)
    others = [str(path) for path in unknown_entries(root)]
    size = sum(entry.size for entry in entries)
    if as_json:
        items = [entry.to_json() for entry in entries]
        print_json({"folder": str(root), "size": size, "entries": items, "others": others})
        return
    width = max((len(entry.kind.holds) for entry in entries), default=0)
    for data in dict.fromkeys(entry.data for entry in entries):
        own = [entry for entry in entries if entry.data == data]
        total = format_size(sum(entry.size for entry in own))
        click.echo(f"{data or 'data not named'}: {count_of(own)}, {total}")
        for entry in own:
            click.echo(f"  {told(entry, width)}")
    click.echo(f"{root}: {count_of(entries)}, {format_size(size)}")
    if others:
        say(f"warning: not of clfw's making, and left alone: {', '.join(others[:3])}"
            f"{f' and {len(others) - 3} more' if len(others) > 3 else ''}")  # fmt: skip


@cache.command()
@click.argument("kinds", nargs=-1, metavar="[KIND]...")
@click.option(
    "--older-than", type=click.FloatRange(min=0), metavar="DAYS", help="Not used for so long."
)
@json_option
def clear(kinds: tuple[str, ...], older_than: float | None, as_json: bool) -> None:
    """Remove caches: all, or those of some KIND: pixels, features, tables, examined, duplicates.

    Nothing is lost but time: what is needed is made again. A run that uses one keeps it to its end.
    """
    from clfw.config.memory import format_size
    from clfw.data import caches
    from clfw.io.storage import cache_root

    root = cache_root()
    removed = caches.clear(root, caches.kinds_named(kinds), older_than)
    size = sum(entry.size for entry in removed)
    if as_json:
        items = [entry.to_json() for entry in removed]
        print_json({"folder": str(root), "size": size, "removed": items})
        return
    click.echo(f"{root}: {count_of(removed)} removed, {format_size(size)}")


def told(entry: "CacheEntry", width: int) -> str:
    """One line of the list, below its data."""
    from clfw.config.memory import format_size

    days = int((time.time() - entry.used) / 86400)
    used = "today" if days < 1 else "yesterday" if days == 1 else f"{days:,} days ago"
    return f"{entry.kind.name:<11}{entry.kind.holds:<{width}}{format_size(entry.size):>12}  {used}"


def count_of(entries: "list[CacheEntry]") -> str:
    """How many there are."""
    return "1 entry" if len(entries) == 1 else f"{len(entries):,} entries"
