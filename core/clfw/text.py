"""Words for people: names escaped for a terminal, counts, lists of faults, the nearest known name."""

from collections.abc import Iterable, Sequence

MAX_LISTED = 20  # faults named one by one before "and N more"


def did_you_mean(name: str, known: Iterable[str], listing: str = "") -> str:
    """A hint that names the known name closest to `name`, or `listing`, a command that shows all."""
    from difflib import get_close_matches

    close = get_close_matches(name, list(known), n=1, cutoff=0.6)
    if close:
        return f"did you mean '{close[0]}'?"
    return listing


def escape(text: str, limit: int = 120) -> str:
    """`text` on one line with control and direction characters escaped, cut to `limit` characters."""
    if (
        len(text) <= limit and text.isprintable()
    ):  # the usual case, and this is called for every file
        return text
    escaped = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return escaped if len(escaped) <= limit else escaped[: limit - 1] + "…"


def plural(number: int, noun: str) -> str:
    """A count and its noun, as in "1 row", "3,000 rows"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def detected_line(given: str, seen: str, reader: str) -> str:
    """What the path that a person gave as data was taken for."""
    return f"data    {escape(given)}: {escape(seen, 400)}, read as {reader}"


def escape_lines(text: str) -> str:
    """`text` with control and direction characters escaped, line breaks kept."""
    return (
        text
        if text.isprintable()
        else "\n".join(escape(t, len(text) * 10) for t in text.split("\n"))
    )


def unused_files_line(names: Sequence[str]) -> str:
    """The number of files that no row uses, with the first three."""
    first = ", ".join(escape(name, 60) for name in names[:3])
    more = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
    return f"{plural(len(names), 'file')} not used: {first}{more}"


def group_faults(faults: Iterable[tuple[str, str]]) -> list[str]:
    """One line per distinct text of (place, text): its first place, and how many more rows have it."""
    places: dict[str, list[str]] = {}
    for place, text in faults:
        places.setdefault(text, []).append(place)
    return [
        f"{first}: {text}" + (f" (and {plural(len(more), 'more row')})" if more else "")
        for text, (first, *more) in places.items()
    ]


def bullet_list(what: str, faults: Iterable[str]) -> str:
    """Up to `MAX_LISTED` faults, one a line, then how many more."""
    faults = list(faults)
    if len(faults) == 1:
        return f"{faults[0]} ({what})"
    more = [f"and {len(faults) - MAX_LISTED} more"] if len(faults) > MAX_LISTED else []
    return "\n  ".join([f"{len(faults)} {what}:", *faults[:MAX_LISTED], *more])
