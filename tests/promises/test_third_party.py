"""Two packages of other people: built and installed by pip, used, checked, uninstalled again."""

import json
import os
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

from places import PACKAGES


@dataclass(frozen=True)
class Environment:
    """A virtual environment that borrows what is installed here, and takes packages of its own."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def pip(self, *arguments: object) -> None:
        """pip, for this environment, without a network."""
        base = [sys.executable, "-m", "pip", "--python", str(self.python)]
        quiet = ["--disable-pip-version-check", "-q"]
        self._run([*base, *quiet, *map(str, arguments)])

    def clfw(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """`clfw ARGUMENTS`, which must end well."""
        return self._run([str(self.python), "-m", "clfw", *map(str, arguments)])

    def json(self, *arguments: object) -> list[dict[str, object]]:
        """The result of a `--json` command."""
        rows: list[dict[str, object]] = json.loads(self.clfw(*arguments, "--json").stdout)
        return rows

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        environment = {
            k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")
        }
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    """Both packages installed from their sources."""
    folder = tmp_path / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    # The present search path, as a path file does not run those of the folders it names.
    (site / "borrowed.pth").write_text("\n".join(path for path in sys.path if Path(path).is_dir()))
    there = Environment(folder)
    sources = shutil.copytree(PACKAGES, tmp_path / "sources")
    install = ("install", "--no-index", "--no-deps", "--no-build-isolation")
    there.pip(*install, sources / "clfw-mixer", sources / "clfw-signs")
    return there


def test_two_packages_are_found_shown_run_checked_and_gone_after_uninstalling(
    environment: Environment,
) -> None:
    listed = {row["name"]: row for row in environment.json("list")}
    assert listed["mixer"]["origin"] == "clfw-mixer 0.3"
    assert listed["signs"]["origin"] == "clfw-signs 1.0.2"
    assert listed["fog"]["kind"] == "augment"

    states = {row["name"]: row for row in environment.json("plugins")}
    for name in ("mixer", "signs"):
        assert states[name]["state"] == "ok"
        assert states[name]["api"] == "<0.2,>=0.1"
        checked = environment.clfw("plugins", "check", name).stdout
        assert checked.endswith(" 0 faults\n"), checked

    shown = environment.clfw("show", "mixer").stdout
    assert "plugin     clfw-mixer 0.3" in shown
    assert "model.depth = 3  integer [>= 1, <= 64]: mixer blocks" in shown
    Path("registry.toml").write_text(
        '[models.deep_mixer]\ncomponent = "mixer"\nsummary = "six blocks"\nvalues = { depth = 6 }\n'
        'augment = [{ use = "fog", most = 0.2 }]\n'
    )
    ran = environment.clfw(
        "run", "--model", "deep_mixer", "--data", "signs", "--steps", "3", "--json"
    )
    plan = json.loads(Path(json.loads(ran.stdout)["run"], "plan.json").read_text())
    assert plan["model"]["package"] == "clfw-mixer"
    assert plan["model"]["values"]["depth"] == {"value": 6, "origin": "model entry 'deep_mixer'"}
    assert plan["augment"][0]["values"]["most"]["value"] == 0.2
    assert plan["data"]["source"] == "sample"

    environment.pip("uninstall", "-y", "clfw-mixer", "clfw-signs")
    names = {row["name"] for row in environment.json("list")}
    assert names & {"mixer", "signs", "fog", "drawn_signs"} == set()
    assert "fashion_cnn" in names
