"""Nothing in a run folder, a weights file or a registry imports, executes or changes anything else."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from places import SUPPORT


def opened(count: int, seed: int) -> dict[str, object]:
    """The figures of a process of its own that opens so many hostile things under an audit hook."""
    done = subprocess.run(
        [sys.executable, str(SUPPORT / "hostile.py"), str(count), str(seed)],
        capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def assert_harmless(figures: dict[str, object], count: int) -> None:
    assert figures["faults"] == []
    assert figures["events"] == []
    assert figures["opened"] == count
    assert {"2", "65"} <= figures["codes"].keys()  # they were refused, and for many reasons
    assert sum(n for code, n in figures["codes"].items() if code != "0") > count // 2


def test_hostile_files_are_opened_without_harm():
    assert_harmless(opened(45, seed=7), 45)


@pytest.mark.slow
def test_twelve_hundred_hostile_files_are_opened_without_harm():
    assert_harmless(opened(1200, seed=1), 1200)


def test_the_log_itself_notices_what_it_is_for(tmp_path: Path):
    """Else the empty log above would say nothing."""
    words = (
        "import os, sys, pickle\n"
        f"sys.path.insert(0, {str(SUPPORT)!r})\n"
        "from pathlib import Path\n"
        "from hostile import Log, Payload\n"
        "log = Log(Path('/nowhere'))\n"
        "data = pickle.dumps(Payload())\n"
        "log.armed = True\n"
        "pickle.loads(data)\n"
        "os.system('true')\n"
        "open('x', 'w').close()\n"
        "import sklearn_like_name_that_is_not_there\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"try:\n {words.replace(chr(10), chr(10) + ' ')}pass\n"
         "except ImportError:\n log.armed = False; print(log.seen)"],
        capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    for event in ("pickle.find_class", "os.mkdir", "os.system", "open", "import"):
        assert f"{event} " in done.stdout, (event, done.stdout, done.stderr)
