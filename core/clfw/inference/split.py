"""A split opened for finished weights, with all that there is to say of it."""

from clfw.artifacts.weights_header import Header
from clfw.catalog.registry import Entry
from clfw.config.data_choice import Request
from clfw.inference.inputs import OpenedPictures, open_split, warnings_of
from clfw.io.progress import Console
from clfw.plugins.manager import Catalog
from clfw.text import detected_line


def open_split_and_report(
    header: Header,
    entry: Entry,
    request: Request,
    catalog: Catalog,
    split: str,
    console: Console,
    *,
    keep_bad: bool = False,
) -> OpenedPictures:
    """The split's pictures as `open_split` gives them; the console hears what is to be known of them.

    Raises:
        DataError: a picture has no label, or does not decode, unless `keep_bad`.
    """
    if entry.seen:
        console.say(detected_line(request.data or entry.path, entry.seen, entry.component))
    opened = open_split(header, entry, request, catalog, split, console.progress, keep_bad=keep_bad)
    if not keep_bad:
        opened.require_labels()
    for warning in warnings_of(header, entry.name, opened):
        console.say(warning)
    return opened
