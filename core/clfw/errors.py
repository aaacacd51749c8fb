"""Errors that a person can act on, each with the exit code the command line ends with."""

from collections.abc import Iterable

SHOWN = 20  # faults named one by one before "and N more"


class ClfwError(Exception):
    """What is wrong and where (`message`), and one action that mends it (`hint`)."""

    exit_code = 2

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(ClfwError):
    """A name, option, key or value that cannot be used."""


class DataError(ClfwError):
    """Data or an artifact that is there and wrong."""

    exit_code = 65


class InputMissing(ClfwError):
    """A file or folder that should be there and is not."""

    exit_code = 66


class PluginError(ClfwError):
    """A plugin that is absent, broken or in conflict with another."""

    exit_code = 69


class OutputError(ClfwError):
    """A place that cannot be written, or that another process holds."""

    exit_code = 73


class StorageError(ClfwError):
    """Reading or writing failed while the work was under way."""

    exit_code = 74


class ResourceError(ClfwError):
    """Stopped for want of memory or time; a resume goes on from here."""

    exit_code = 75


class Diverged(ClfwError):
    """Training produced a value that is not finite."""

    exit_code = 79


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
    escaped = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return escaped if len(escaped) <= limit else escaped[: limit - 1] + "…"


def joined(what: str, faults: Iterable[str]) -> str:
    """Up to twenty faults on lines of their own, then how many more."""
    faults = list(faults)
    if len(faults) == 1:
        return f"{faults[0]} ({what})"
    more = [f"and {len(faults) - SHOWN} more"] if len(faults) > SHOWN else []
    return "\n  ".join([f"{len(faults)} {what}:", *faults[:SHOWN], *more])
