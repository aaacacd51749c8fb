"""What clfw stands on here: torch and torchvision, the device, the folders, the registry."""

import os
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

from clfw.catalog.registry import read_registry
from clfw.config.data_folders import data_folder
from clfw.errors import ClfwError
from clfw.io.child_process import import_environment, python_command
from clfw.io.storage import cache_root
from clfw.text import plural

FIT = """
import torch, torchvision
torchvision.ops.nms(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.ones(1), 0.5)
"""
DEVICE = """
from clfw.models.device import TorchDevice
print("; ".join(f"{key} {value}" for key, value in TorchDevice("auto").facts().items()))
"""


def diagnose(registry: Path | None) -> list[dict[str, Any]]:
    """A row a subject: what, ok, what was said, the remedy."""
    return [torch_fit(), device(), folder("data folder", data_folder(), "CLFW_DATA_DIR"),
            folder("cache folder", cache_root(), "CLFW_CACHE_DIR"), registries(registry)]  # fmt: skip


def row(what: str, fine: bool, said: str, remedy: str = "") -> dict[str, Any]:
    """One finding."""
    return {"what": what, "ok": fine, "said": said, "remedy": "" if fine else remedy}


def tried(code: str, seconds: float = 120) -> tuple[bool, str]:
    """Whether `code` runs in a process of its own, and the last line that it said."""
    try:
        done = subprocess.run(
            python_command("-c", code),
            env=import_environment(),
            capture_output=True,
            text=True,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        return False, f"did not finish within {seconds:g} s"
    said = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    return done.returncode == 0, said[-1] if said else f"exit code {done.returncode}"


def torch_fit() -> dict[str, Any]:
    """Whether torch and torchvision are builds made for each other: their operators must load."""
    fine, said = tried(FIT)
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "torchvision"))
    return row(
        "torch and torchvision",
        fine,
        f"{versions}: {'fit each other' if fine else said}",
        "pip install --force-reinstall torch torchvision",
    )


def version(package: str) -> str:
    """The installed version of a package."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "absent"


def device() -> dict[str, Any]:
    """What would compute a run."""
    fine, said = tried(DEVICE)
    return row("device", fine, said, "try clfw run --device cpu")


def folder(what: str, path: Path, variable: str) -> dict[str, Any]:
    """Whether a folder can be written, and how much it holds."""
    place = next(p for p in (path, *path.absolute().parents) if p.exists())
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        return row(
            what, False, f"{path}: {place} cannot be written", f"name another with {variable}"
        )
    if not path.exists():
        return row(what, True, f"{path}: is made when it is needed")
    sizes = [file.stat().st_size for file in path.rglob("*") if file.is_file()]
    return row(what, True, f"{path}: {plural(len(sizes), 'file')}, {sum(sizes) / 1e6:,.1f} MB")


def registries(extra: Path | None) -> dict[str, Any]:
    """Whether every registry file can be read."""
    try:
        entries = read_registry(extra).entries
    except ClfwError as error:
        return row("registry", False, error.message, error.hint)
    return row("registry", True, f"{len(entries)} entries")
