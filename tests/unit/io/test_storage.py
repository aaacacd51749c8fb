"""Where a user's files are, by the platform's own rules."""

import sys
from pathlib import Path
from typing import Literal

import platformdirs
import pytest

from clfw.io.storage import user_folder


@pytest.mark.parametrize("kind", ["config", "cache", "data"])
@pytest.mark.parametrize("named", [None, "", "/somewhere/else"])
def test_a_users_folder_is_that_of_platformdirs(
    kind: Literal["config", "cache", "data"], named: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = f"XDG_{kind.upper()}_HOME"
    if named is None:
        monkeypatch.delenv(variable, raising=False)
    else:
        monkeypatch.setenv(variable, named)
    found = user_folder(kind)
    assert found == Path(getattr(platformdirs, f"user_{kind}_dir")("clfw"))
    monkeypatch.setattr(sys, "platform", "darwin")
    assert user_folder(kind) == found


def test_a_relative_folder_is_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    monkeypatch.setattr(sys, "platform", "linux")
    assert user_folder("cache") == tmp_path / ".cache" / "clfw"
