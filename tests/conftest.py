"""Fixtures for every test: nothing is read from or written to the person's own folders."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Before anything imports torch: test processes run side by side, so each keeps to one thread.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ.setdefault("MPLBACKEND", "agg")

from commandline import keep_to

# The same examples every time, however slow the machine is just now.
settings.register_profile(
    "suite",
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("suite")


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, cache, data and config folder, and an empty working folder."""
    keep_to(tmp_path, monkeypatch)
    return tmp_path
