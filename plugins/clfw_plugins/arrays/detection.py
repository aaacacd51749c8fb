"""Whether files are arrays of pictures and labels. Reads names alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clfw import Detected
from clfw.api import FileTree, escape, is_picture, is_stray


def detect_arrays(path: Path, tree: FileTree, given: Mapping[str, Any]) -> Detected | None:
    """Arrays and no pictures beside them: a packed file, or single ones in a folder or zip."""
    names = tree.names()
    if any(is_picture(name) and not is_stray(name) for name in names):
        return None
    arrays = [name for name in names if name.endswith(".npy") and not is_stray(name)]
    packed = [name for name in names if name.endswith(".npz") and not is_stray(name)]
    if arrays:
        listed = ", ".join(escape(name.removesuffix(".npy"), 30) for name in arrays[:6])
        more = ", ..." if len(arrays) > 6 else ""
        return Detected(values={}, seen=f"arrays ({listed}{more})")
    if len(packed) == 1 and path.is_dir():
        return Detected(values={}, seen=f"arrays in {escape(packed[0], 60)}")
    return None
