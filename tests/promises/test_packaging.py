"""The wheel and the sdist: what they hold, and that what is installed from them works."""

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from commandline import succeed
from places import TOP

CHECKOUT = TOP
FASHION = ("run", "--model", "fashion_cnn", "--data", "fashion_csv", "--sample", "--steps", "2")


@dataclass(frozen=True)
class Built:
    """The files that the build makes."""

    wheel: Path
    sdist: Path
    wheel_from_sdist: Path


def build(source: Path, target: Path, *kinds: str) -> Path:
    """Build in this environment, without isolation and without a network."""
    wanted = [part for kind in kinds for part in ("-t", kind)]
    command = [sys.executable, "-m", "hatchling", "build", *wanted, "-d", str(target)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    return target


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    root = tmp_path_factory.mktemp("built")
    direct = build(CHECKOUT, root / "direct", "wheel", "sdist")
    (sdist,) = direct.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(root / "unpacked", filter="data")
    (source,) = (root / "unpacked").iterdir()
    again = build(source, root / "again", "wheel")
    (wheel,), (from_sdist,) = direct.glob("*.whl"), again.glob("*.whl")
    return Built(wheel, sdist, from_sdist)


def members(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_wheel_holds_two_packages_and_nothing_else(built: Built):
    tops = {name.split("/")[0] for name in members(built.wheel)}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"clfw", "clfw_plugins"}


def test_the_wheel_holds_every_module_and_the_registry(built: Built):
    inside = members(built.wheel)
    for root in (CHECKOUT / "core", CHECKOUT / "plugins"):
        modules = [path.relative_to(root).as_posix() for path in root.rglob("*.py")]
        assert len(modules) > 10
        assert [name for name in modules if name not in inside] == []
    templates = [
        p.relative_to(CHECKOUT / "core").as_posix() for p in (CHECKOUT / "core").rglob("*.txt")
    ]
    assert len(templates) > 10
    assert [name for name in templates if name not in inside] == []
    assert inside["clfw/registry.toml"] == (CHECKOUT / "registry.toml").read_bytes()
    assert "clfw/py.typed" in inside  # plugin authors' type checkers read our types
    assert not [name for name in inside if "__pycache__" in name or name.startswith("tests")]


def test_the_wheel_declares_command_plugins_and_licence(built: Built):
    inside = members(built.wheel)
    info = next(name.split("/")[0] for name in inside if name.endswith(".dist-info/METADATA"))
    points = inside[f"{info}/entry_points.txt"].decode()
    assert "[console_scripts]\nclfw = clfw.cli:main" in points
    assert "\n[clfw]\n" in f"\n{points}"
    assert f"{info}/licenses/LICENSE" in inside
    metadata = inside[f"{info}/METADATA"].decode()
    assert "\nRequires-Dist: torch>=" in metadata
    assert "\nRequires-Dist: torchvision>=" in metadata
    assert "\nLicense-Expression: MIT" in metadata


def test_a_wheel_made_from_the_sdist_is_the_same(built: Built):
    direct, again = members(built.wheel), members(built.wheel_from_sdist)
    assert direct == again


def test_the_sdist_brings_its_tests_documents_and_examples(built: Built):
    with tarfile.open(built.sdist) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "registry.toml", "LICENSE"} <= inside
    assert {"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"} <= inside
    assert "tests/promises/test_packaging.py" in inside
    for folder, pattern in (("docs", "**/*.*"), ("examples", "*.py"), ("tests", "**/*.py")):
        files = [p.relative_to(CHECKOUT).as_posix() for p in (CHECKOUT / folder).glob(pattern)]
        assert files
        assert [name for name in files if name not in inside] == []


@pytest.fixture(scope="module")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with the wheel, which borrows the packages of this one."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]
    install = [*pip, "install", "-q", "--no-deps", "--no-index", str(built.wheel)]
    subprocess.run(install, check=True, capture_output=True)
    (site,) = folder.glob("lib/python*/site-packages")
    # A path file does not run those of the folders it names, so the editable install stays behind.
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    return folder / "bin"


def run(program: Path, *arguments: str) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL"))}
    done = subprocess.run(
        [str(program), *arguments], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_installed_command_lists_the_same_as_the_checkout(installed: Path):
    listed = json.loads(run(installed / "clfw", "list", "--json"))
    assert listed == succeed("list", "--json").json
    assert "fashion_cnn" in {row["name"] for row in listed}
    where = run(
        installed / "python",
        "-c",
        "import clfw, clfw_plugins as p; print(clfw.__file__, p.__file__)",
    )
    assert all(path.startswith(str(installed.parent)) for path in where.split())


def test_installing_brings_no_module_of_the_checkouts_folders(installed: Path):
    check = "import importlib.util as u; print([u.find_spec(n) for n in ('core', 'plugins')])"
    assert run(installed / "python", "-c", check).strip() == "[None, None]"


@pytest.mark.slow
def test_the_installed_command_trains_to_the_weights_of_the_checkout(installed: Path):
    run(installed / "clfw", *FASHION, "--out", "installed")
    succeed(*FASHION, "--out", "checkout")
    one, other = (Path(out, "model.safetensors").read_bytes() for out in ("installed", "checkout"))
    assert one == other
