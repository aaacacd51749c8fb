"""Errors that a person can act on, each with the exit code the command line ends with."""


class ClfwError(Exception):
    """What is wrong and where (`message`), and one action that fixes it (`hint`).

    Attributes:
        default_hint: the hint of an error that has none of its own.
    """

    exit_code = 2
    default_hint = "see clfw --help"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint or self.default_hint


class UsageError(ClfwError):
    """A name, option, key or value that cannot be used."""

    default_hint = "clfw show NAME lists every parameter with its range"


class DataError(ClfwError):
    """Data or an artifact that exists but is wrong."""

    exit_code = 65
    default_hint = "repair it, or replace it with an intact copy"


class InputMissing(ClfwError):
    """A required file or folder that does not exist.

    Attributes:
        fetchable: the name of a weights file that `clfw fetch` may download for a model entry.
    """

    exit_code = 66
    default_hint = "check the path"

    def __init__(self, message: str, *, hint: str = "", fetchable: str = "") -> None:
        super().__init__(message, hint=hint)
        self.fetchable = fetchable


class PluginError(ClfwError):
    """A plugin that is missing, broken or in conflict with another."""

    exit_code = 69
    default_hint = "list what is installed: clfw plugins"


class OutputError(ClfwError):
    """An output path that cannot be written, or that another process is using."""

    exit_code = 73
    default_hint = "choose a folder that can be written"


class StorageError(ClfwError):
    """Reading or writing failed in the middle of the work."""

    exit_code = 74
    default_hint = "check the disk and its permissions"


class ResourceError(ClfwError):
    """Ran out of memory or time; a resume continues from here."""

    exit_code = 75
    default_hint = "free some memory, or use a smaller batch"


class Diverged(ClfwError):
    """Training produced a non-finite value."""

    exit_code = 79
    default_hint = "lower the learning rate"


class TaskNotSupported(ClfwError):
    """An architecture cannot be built for a task, for instance because the image is too small."""
