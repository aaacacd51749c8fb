"""Runs `clfw` inside the test's process, in folders of the test's own."""

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from clfw.cli import outcome


@dataclass(frozen=True)
class Finished:
    """What a command left: its exit code, its result and its talk."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The result of a `--json` command."""
        return json.loads(self.out)


def clfw(*arguments: object, obj: object = None) -> Finished:
    """`clfw ARGUMENTS`, to its end."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = outcome([str(argument) for argument in arguments], obj)
    return Finished(code, out.getvalue(), err.getvalue())


def succeed(*arguments: object, obj: object = None) -> Finished:
    """`clfw ARGUMENTS`, which must end well."""
    finished = clfw(*arguments, obj=obj)
    assert finished.code == 0, finished.err
    return finished


def assert_refused(finished: Finished, code: int, *fragments: str) -> None:
    """One error, one hint, the code, no traceback, no result, no run folder."""
    lines = finished.err.splitlines()
    assert sum(line.startswith("error: ") for line in lines) == 1, finished.err
    assert sum(line.startswith("hint: ") for line in lines) == 1, finished.err
    assert lines[-1].startswith("hint: ")
    assert lines[-1] != "hint: "
    for fragment in fragments:
        assert fragment in finished.err
    assert "Traceback" not in finished.err
    assert finished.out == ""
    assert not Path("runs").exists()
    assert finished.code == code


def keep_to(root: Path, patch: pytest.MonkeyPatch) -> None:
    """An empty home, cache, data, config and working folder under `root`."""
    for name in ("home", "cache", "data", "config", "work"):
        (root / name).mkdir()
    patch.setenv("HOME", str(root / "home"))
    patch.setenv("CLFW_CACHE_DIR", str(root / "cache"))
    patch.setenv("CLFW_DATA_DIR", str(root / "data"))
    patch.setenv("CLFW_CONFIG_DIR", str(root / "config"))
    for name in ("CLFW_DISABLE_PLUGINS", "CLFW_PLUGINS", "CLFW_DEBUG"):
        patch.delenv(name, raising=False)
    patch.setenv("NO_COLOR", "1")
    patch.chdir(root / "work")
