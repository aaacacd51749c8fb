"""Errors that a person can act on, each with the exit code the command line ends with."""


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
    """A file or folder that should be there and is not.

    Attributes:
        fetchable: the name of a file of weights that `clfw fetch` may bring for a model entry.
    """

    exit_code = 66
    advice = "look at how its name is written"

    def __init__(self, message: str, *, hint: str = "", fetchable: str = "") -> None:
        super().__init__(message, hint=hint)
        self.fetchable = fetchable


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
