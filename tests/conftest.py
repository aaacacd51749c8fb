"""Fixtures for every test: nothing is read from or written to the person's own folders."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, cache, data and config folder, and an empty working folder."""
    for name in ("home", "cache", "data", "config", "work"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CLFW_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("CLFW_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("CLFW_CONFIG_DIR", str(tmp_path / "config"))
    for name in ("CLFW_DISABLE_PLUGINS", "CLFW_PLUGINS", "CLFW_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path
