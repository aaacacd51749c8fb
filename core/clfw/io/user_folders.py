"""The folders that a platform gives its users: configuration, caches, data."""

import os
import sys
from pathlib import Path
from typing import Literal

XDG = {"config": "~/.config", "cache": "~/.cache", "data": "~/.local/share"}


def user_folder(kind: Literal["config", "cache", "data"]) -> Path:
    """The folder of clfw, as `platformdirs` has it, which on Linux takes too long to import."""
    if sys.platform == "linux":
        named = Path(os.environ.get(f"XDG_{kind.upper()}_HOME", ""))
        return (named if named.is_absolute() else Path(XDG[kind]).expanduser()) / "clfw"
    import platformdirs

    return Path(getattr(platformdirs, f"user_{kind}_dir")("clfw"))
