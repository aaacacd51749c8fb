"""Python in a process of its own, which imports what this one does and nothing of the current folder.

`-P` keeps Python from putting the current folder first, where a `types.py` or `torch.py` of a person
would be imported in place of the real one.
"""

import os
import sys
from pathlib import Path


def python_command(*arguments: str) -> list[str]:
    """The command that runs this Python with `arguments`."""
    return [sys.executable, "-P", *arguments]


def import_environment() -> dict[str, str]:
    """The environment, with this process's import path as absolute paths.

    The current folder is among them only if PYTHONPATH names it.
    """
    here = Path.cwd()
    named = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    asked = {Path(place).absolute() for place in named if place}
    places = dict.fromkeys(Path(place).absolute() for place in sys.path if place)
    kept = [str(place) for place in places if place != here or place in asked]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(kept)}
