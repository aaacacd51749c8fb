"""Installs a plugin of one module for the length of a test, as a package manager would."""

import importlib
import sys
from pathlib import Path

import pytest


def install(name: str, source: str, folder: Path, patch: pytest.MonkeyPatch) -> None:
    """A distribution `NAME-kit` 0.1 whose entry point `NAME` is a module with this source."""
    site = folder / f"site-{name}"
    metadata = site / f"{name}_kit-0.1.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-kit\nVersion: 0.1\n")
    (metadata / "entry_points.txt").write_text(f"[clfw]\n{name} = {name}_module\n")
    (site / f"{name}_module.py").write_text(source)
    patch.syspath_prepend(str(site))
    patch.delitem(sys.modules, f"{name}_module", raising=False)
    importlib.invalidate_caches()
