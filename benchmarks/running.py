"""`clfw run` in this process, saying nothing."""

from dataclasses import replace
from pathlib import Path

from clfw.catalog.environment import load_environment
from clfw.config.data_choice import Request
from clfw.io.progress import Console
from clfw.runs.results import Result
from clfw.runs.sessions import train_run


def whole_run(request: Request, folder: Path) -> Result:
    """From names to written results in `folder`, which is not there yet."""
    return train_run(replace(request, out=folder), load_environment(), Console())
