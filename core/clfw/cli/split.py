"""A split opened for finished weights, with all that there is to say of it."""

from typing import TYPE_CHECKING

from clfw.cli.options import Environment, say, say_seen

if TYPE_CHECKING:
    from clfw.artifacts.weights_header import Header
    from clfw.catalog.registry import Entry
    from clfw.config.data_choice import Request
    from clfw.inference.inputs import OpenedPictures


def open_split_and_report(
    header: "Header",
    entry: "Entry",
    request: "Request",
    there: Environment,
    split: str,
    *,
    keep_bad: bool = False,
) -> "OpenedPictures":
    """The split's pictures as `open_split` gives them; what their data is, and warnings, on stderr."""
    from clfw.cli.progress import show_progress
    from clfw.inference.inputs import open_split, warnings_of

    say_seen(request.data or entry.path, entry.seen, entry.component)
    opened = open_split(
        header, entry, request, there.catalog, split, show_progress, keep_bad=keep_bad
    )
    if not keep_bad:
        opened.require_labels()
    for warning in warnings_of(header, entry.name, opened):
        say(warning)
    return opened
