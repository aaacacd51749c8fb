"""Packages that `clfw new plugin` writes: the files beside this one, with names filled in."""

import re
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from string import Template

from clfw.errors import UsageError
from clfw.io.storage import require_creatable, write_atomically
from clfw.plugins.manager import NAME
from clfw.text import escape

HERE = Path(__file__).parent
ENDING = ".txt"  # so that no tool takes a template for Python


def write_package(name: str, kind: str, folder: Path, owners: Mapping[str, str]) -> Path:
    """A plugin package named `clfw-NAME` in a new folder, which offers a component NAME.

    `owners` has the names that are taken, each with who has it.

    Raises:
        UsageError: the name cannot be one, or is taken.
        OutputError: the folder is there already, or cannot be made.
    """
    if wrong := fault_of(name, owners):
        hint = f"for instance {suggestion(name, owners)}"
        raise UsageError(f"'{escape(name)}': {wrong}", hint=hint)
    require_creatable(folder)
    major, minor = (int(part) for part in re.findall(r"\d+", metadata.version("clfw"))[:2])
    words = {
        "name": name,
        "package": f"clfw-{name.replace('_', '-')}",
        "module": f"clfw_{name}",
        "words": "".join(word.capitalize() for word in name.split("_")),
        "range": f">={major}.{minor},<{major}.{minor + 1}"
        if major == 0
        else f">={major},<{major + 1}",
    }
    for shared in (HERE / "shared", HERE / kind):
        for template in sorted(shared.rglob(f"*{ENDING}")):
            inside = template.relative_to(shared).as_posix().removesuffix(ENDING)
            target = folder / inside.replace("MODULE", words["module"])
            target.parent.mkdir(parents=True, exist_ok=True)
            text = Template(template.read_text(encoding="utf-8")).substitute(words)
            write_atomically(target, text.encode())
    return folder


def fault_of(name: str, owners: Mapping[str, str]) -> str:
    """Why a plugin cannot have the name; empty where it can."""
    import importlib.machinery
    import keyword

    if not NAME.fullmatch(name):
        return "a plugin's name is lower_snake: letters, digits, underscores, at most 64"
    if keyword.iskeyword(name):
        return "is a word of Python"
    if name in owners:
        return f"is taken, by {owners[name]}"
    if importlib.machinery.PathFinder.find_spec(f"clfw_{name}"):
        return f"is taken: there is a package clfw_{name}"
    return ""


def suggestion(name: str, owners: Mapping[str, str]) -> str:
    """A name that can be one, as much like `name` as may be."""
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:40] or "net"
    candidates = (plain, f"my_{plain}", f"my_own_{plain}", "my_net")
    return next((c for c in candidates if not fault_of(c, owners)), "another_net")
