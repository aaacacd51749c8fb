"""Figures are drawn by settings of their own, whatever a person has set for matplotlib."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from commandline import clfw

RUN = ("run", "--model", "fashion_mlp", "--data", "fashion_csv", "--steps", "3", "--out", "run")
NOTEBOOK = "module://matplotlib_inline.backend_inline"


@pytest.mark.parametrize(
    "settings", [{"MPLBACKEND": NOTEBOOK}, {"MPLBACKEND": "none such"}, {"MATPLOTLIBRC": "rc"}]
)
def test_a_run_ends_well_with_any_settings_of_matplotlib(settings: dict[str, str]) -> None:
    Path("rc").write_text("text.usetex: True\nbackend: tkagg\n")
    command = [sys.executable, "-m", "clfw", *RUN]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **settings}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "could not be drawn" not in done.stderr
    assert Path("run/curves.png").exists()
    assert Path("run/summary.json").exists()


def test_a_picture_that_cannot_be_drawn_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no such\nfont")

    monkeypatch.setattr("clfw.runs.end.draw_confusion", broken)
    done = clfw(*RUN)
    assert done.code == 0
    assert "warning: confusion.png could not be drawn: no such font" in done.err
    assert not Path("run/confusion.png").exists()
    assert Path("run/mistakes.png").exists()
