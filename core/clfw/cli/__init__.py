"""The command line: one command a file, errors printed in one place."""

import gc
import importlib
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence

import click

from clfw.errors import ClfwError, PluginError, ResourceError, StorageError
from clfw.text import escape, escape_lines

BUG = 70
INTERRUPTED = 130
SPINS = "20000"  # turns of a waiting thread before it sleeps, some tens of microseconds
# What other tools call our commands.
ELSEWHERE = {
    "train": "run", "fit": "run", "continue": "resume", "test": "eval", "validate": "eval",
    "val": "eval", "score": "eval", "classify": "predict", "infer": "predict", "label": "predict",
    "models": "list", "datasets": "list", "info": "show", "download": "fetch", "plot": "draw",
}  # fmt: skip
# Each command is imported when it is called: reading the options of all takes longer than a list.
COMMANDS = {
    "run": "clfw.cli.run:run",
    "resume": "clfw.cli.resumption:resume",
    "reproduce": "clfw.cli.reproduce:reproduce",
    "eval": "clfw.cli.evaluation:evaluate",
    "predict": "clfw.cli.prediction:predict",
    "list": "clfw.cli.list:list_",
    "show": "clfw.cli.show:show",
    "data": "clfw.cli.data:data",
    "cache": "clfw.cli.cache:cache",
    "inspect": "clfw.cli.inspect:inspect",
    "draw": "clfw.cli.draw:draw",
    "fetch": "clfw.cli.fetch:fetch",
    "plugins": "clfw.cli.plugins:plugins",
    "doctor": "clfw.cli.doctor:doctor",
    "new": "clfw.cli.new:new",
    "schema": "clfw.cli.schema:schema",
}


class LateCommands(Mapping[str, click.Command]):
    """The commands by name, each imported when it is asked for."""

    def __getitem__(self, name: str) -> click.Command:
        module, _, attribute = COMMANDS[name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


@click.group(
    commands=LateCommands(),
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="clfw", message="%(prog)s %(version)s")
@click.pass_context
def cli(context: click.Context) -> None:
    """Train, evaluate and ship image classifiers.

    Start with: clfw run --model fashion_cnn --data fashion_csv
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def main(arguments: Sequence[str] | None = None, obj: object = None) -> None:
    """Run the command line and end the process with the documented exit code."""
    # Before torch loads its OpenMP: by default a thread that waits for the others spins for
    # milliseconds, and on a busy machine training then takes ten times as long.
    os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
    # Imports and tables make objects by the hundred thousand, hardly any of them garbage: looking
    # for it as often as by default takes a tenth of the start.
    gc.set_threshold(50_000, 20, 20)
    reopen_closed_streams()
    sys.exit(outcome(arguments, obj))


def reopen_closed_streams() -> None:
    """Where the caller has closed stdin, stdout or stderr, what is written there goes nowhere.

    Otherwise the next file that is opened would take the stream's number, and be written into.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)
    if sys.stdout is None:
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115  (for the whole process)
    if sys.stderr is None:
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115


def outcome(arguments: Sequence[str] | None = None, obj: object = None) -> int:
    """Run the command line; the exit code. A person's mistake never shows a traceback."""
    stdout = sys.stdout
    try:
        os.getcwd()  # noqa: PTH109  (a relative name means nothing where the folder is gone)
    except OSError:
        return report("the working folder is gone", "change to a folder that exists", 66)
    try:
        cli.main(
            # Not `list(arguments)`: that name is the module of the command `list` here.
            args=None if arguments is None else [*arguments],
            prog_name="clfw",
            obj=obj,
            standalone_mode=False,
        )
    except click.exceptions.Exit as error:
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return report("stopped by Ctrl-C", "", INTERRUPTED)
    except SystemExit as error:
        if "_CLFW_COMPLETE" in os.environ:  # click ends the process itself after a completion
            raise
        if sys.stdout is not stdout:  # click's way out where the reader of our output has gone
            return 0
        return report(
            f"a plugin tried to end the process (SystemExit: {error.code})",
            "find it with CLFW_DEBUG=1, and switch it off: CLFW_DISABLE_PLUGINS=NAME",
            PluginError.exit_code,
        )
    except BrokenPipeError:  # the reader of our output has gone, as with `| head`
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115  (flushed at exit, quietly)
        return 0
    except click.ClickException as error:
        return report_misuse(error)
    except Exception as error:
        if os.environ.get("CLFW_DEBUG"):
            raise
        return report_failure(error)
    return 0


def report_misuse(error: click.ClickException) -> int:
    """A mistake in the command line itself."""
    if isinstance(error, click.NoSuchOption):
        hint = f"did you mean {error.possibilities[0]}?" if error.possibilities else ""
        return report(f"no option '{error.option_name}'", hint, 2)
    return report(error.format_message().rstrip("."), hint_of(error), error.exit_code)


def report_failure(error: Exception) -> int:
    """What ended a command, with the exit code of its kind."""
    if isinstance(error, ClfwError):
        return report(error.message, error.hint, error.exit_code)

    from clfw.io.memory import is_out_of_memory

    if is_out_of_memory(error):
        reason = f": {error}" if str(error) else ""
        return report(f"out of memory{reason}", ResourceError.default_hint, ResourceError.exit_code)
    if isinstance(error, OSError):
        where = f"{escape(os.fsdecode(error.filename))}: " if error.filename else ""
        return report(
            f"{where}{error.strerror or error}", StorageError.default_hint, StorageError.exit_code
        )
    return report(
        f"a fault in clfw or a plugin: {type(error).__name__}: {error}",
        "set CLFW_DEBUG=1 for the traceback and report it",
        BUG,
    )


def hint_of(error: click.ClickException) -> str:
    """What to do about a mistake in the command line."""
    context = getattr(error, "ctx", None)
    unknown = re.match("No such command '(.*?)'", error.format_message())
    if unknown and unknown[1] in ELSEWHERE:
        return f"that is clfw {ELSEWHERE[unknown[1]]}"
    if unknown and os.path.exists(unknown[1]):  # noqa: PTH110  (takes names that no disk can)
        import shlex

        return f"to train on it: clfw run --data {shlex.quote(escape(unknown[1]))}"
    return f"see {context.command_path} --help" if context else ""


def report(message: str, hint: str, code: int) -> int:
    """Print an error as the house form has it; returns `code`."""
    print(f"error: {escape_lines(message)}", file=sys.stderr)
    if hint:
        print(f"\nhint: {escape_lines(hint)}", file=sys.stderr)
    return code
