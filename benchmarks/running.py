"""`clfw run` in this process, saying nothing."""

import contextlib
import io
from pathlib import Path

from clfw.cli.options import Environment
from clfw.cli.run import start_run
from clfw.config.data_choice import Request
from clfw.config.plan import Plan
from clfw.runs.end import Result
from pictures import installed


def whole_run(request: Request, folder: Path) -> tuple[Plan, Result]:
    """From names to written results in `folder`, which is not there yet."""
    with contextlib.redirect_stderr(io.StringIO()):
        return start_run(request, Environment(*installed()), None, folder)
