"""Errors that a person can act on, each with the exit code the command line ends with."""

from collections.abc import Iterable, Sequence

SHOWN = 20  # faults named one by one before "and N more"


class ClfwError(Exception):
    """What is wrong and where (`message`), and one action that mends it (`hint`).

    Attributes:
        advice: the hint where an error of this kind brings none of its own.
    """

    exit_code = 2
    advice = "see clfw --help"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint or self.advice


class UsageError(ClfwError):
    """A name, option, key or value that cannot be used."""

    advice = "clfw show NAME lists every parameter with its range"


class DataError(ClfwError):
    """Data or an artifact that is there and wrong."""

    exit_code = 65
    advice = "repair it, or put a sound copy in its place"


class InputMissing(ClfwError):
    """A file or folder that should be there and is not."""

    exit_code = 66
    advice = "look at how its name is written"


class PluginError(ClfwError):
    """A plugin that is absent, broken or in conflict with another."""

    exit_code = 69
    advice = "see what is installed: clfw plugins"


class OutputError(ClfwError):
    """A place that cannot be written, or that another process holds."""

    exit_code = 73
    advice = "name a folder that can be written"


class StorageError(ClfwError):
    """Reading or writing failed while the work was under way."""

    exit_code = 74
    advice = "look at the disk and at who may read and write there"


class ResourceError(ClfwError):
    """Stopped for want of memory or time; a resume goes on from here."""

    exit_code = 75
    advice = "free some memory, or take a smaller batch"


class Diverged(ClfwError):
    """Training produced a value that is not finite."""

    exit_code = 79
    advice = "lower the learning rate"


class TaskNotSupported(ClfwError):
    """An architecture cannot serve a task, for instance too small an image."""


def nearest(name: str, known: Iterable[str], listing: str = "") -> str:
    """A hint that names the known name closest to `name`, or `listing`, a command that shows all."""
    from difflib import get_close_matches

    close = get_close_matches(name, list(known), n=1, cutoff=0.6)
    if close:
        return f"did you mean '{close[0]}'?"
    return listing


def printable(text: str, limit: int = 120) -> str:
    """`text` on one line with control and direction characters escaped, cut to `limit` characters."""
    if len(text) <= limit and text.isprintable():  # as nearly all are, and every file is asked
        return text
    escaped = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return escaped if len(escaped) <= limit else escaped[: limit - 1] + "…"


def counted(number: int, noun: str) -> str:
    """As in "1 row", "3,000 rows"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def shown(text: str) -> str:
    """`text` with what no terminal should be sent escaped; its lines stay."""
    return (
        text
        if text.isprintable()
        else "\n".join(printable(t, len(text) * 10) for t in text.split("\n"))
    )


def not_used(strays: Sequence[str]) -> str:
    """How many files no row uses, with the first of them."""
    first = ", ".join(printable(name, 60) for name in strays[:3])
    more = f" and {len(strays) - 3:,} more" if len(strays) > 3 else ""
    return f"{counted(len(strays), 'file')} not used: {first}{more}"


def gathered(faults: Iterable[tuple[str, str]]) -> list[str]:
    """A line for each text among (place, text), with its first place and how many more rows have it."""
    places: dict[str, list[str]] = {}
    for place, text in faults:
        places.setdefault(text, []).append(place)
    return [
        f"{first}: {text}" + (f" (and {counted(len(more), 'more row')})" if more else "")
        for text, (first, *more) in places.items()
    ]


def joined(what: str, faults: Iterable[str]) -> str:
    """Up to twenty faults on lines of their own, then how many more."""
    faults = list(faults)
    if len(faults) == 1:
        return f"{faults[0]} ({what})"
    more = [f"and {len(faults) - SHOWN} more"] if len(faults) > SHOWN else []
    return "\n  ".join([f"{len(faults)} {what}:", *faults[:SHOWN], *more])
