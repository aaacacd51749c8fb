"""Talk on stderr, a line at a time."""

import os
import sys

from clfw.text import escape_lines


def say(line: str) -> None:
    """One line of talk, on stderr; a reader that has gone away stops no training."""
    try:
        print(escape_lines(line), file=sys.stderr, flush=True)
    except OSError:
        sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115  (for the rest of the process)
