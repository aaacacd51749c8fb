"""Python in a process of its own, which imports what this one does and nothing of the current folder.

`-P` keeps Python from putting the current folder first, where a `types.py` or `torch.py` of a person
would be imported in place of the real one.
"""

import os
import sys


def python_command(*arguments: str) -> list[str]:
    """The command that runs this Python with `arguments`."""
    return [sys.executable, "-P", *arguments]


def import_environment() -> dict[str, str]:
    """The environment, with this process's import path as absolute paths.

    The current folder is among them only if PYTHONPATH names it.
    """
    here = os.getcwd()  # noqa: PTH109
    asked = {os.path.abspath(p) for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p}
    places = dict.fromkeys(os.path.abspath(place) for place in sys.path if place)
    kept = [place for place in places if place != here or place in asked]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(kept)}
