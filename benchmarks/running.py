"""`clfw run` in this process, saying nothing."""

import contextlib
import io
from pathlib import Path

from clfw.cli.options import Installed
from clfw.cli.run import start_run
from clfw.plan import Plan, Request
from clfw.runend import Result
from pictures import installed


def whole_run(request: Request, folder: Path) -> tuple[Plan, Result]:
    """From names to written results in `folder`, which is not there yet."""
    with contextlib.redirect_stderr(io.StringIO()):
        return start_run(request, Installed(*installed()), None, folder)
