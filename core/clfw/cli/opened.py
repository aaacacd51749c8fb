"""A split opened for finished weights, with all that there is to say of it."""

from typing import TYPE_CHECKING

from clfw.cli.options import Installed, say, say_seen

if TYPE_CHECKING:
    from clfw.artifacts.weightsfile import Header
    from clfw.host.registry import Entry
    from clfw.learning.inference import OpenedPictures
    from clfw.plan import Request


def open_and_say(
    header: "Header",
    entry: "Entry",
    request: "Request",
    there: Installed,
    split: str,
    *,
    keep_bad: bool = False,
) -> "OpenedPictures":
    """The split's pictures as `open_split` gives them; what their data is, and warnings, on stderr."""
    from clfw.cli.progress import show_progress
    from clfw.learning.inference import open_split, warnings_of

    say_seen(request.data or entry.path, entry.seen, entry.component)
    opened = open_split(
        header, entry, request, there.catalog, split, show_progress, keep_bad=keep_bad
    )
    if not keep_bad:
        opened.require_labels()
    for warning in warnings_of(header, entry.name, opened):
        say(warning)
    return opened
