"""Packages that `clfw new plugin` writes: the files beside this one, with names filled in."""

import re
from importlib import metadata
from pathlib import Path
from string import Template

from clfw.errors import UsageError, printable
from clfw.manager import NAME
from clfw.runs import require_creatable
from clfw.storage import write_atomically

HERE = Path(__file__).parent
ENDING = ".txt"  # so that no tool takes a template for Python


def write_package(name: str, kind: str, folder: Path) -> Path:
    """A plugin package named `clfw-NAME` in a new folder, which offers a component NAME.

    Raises:
        UsageError: the name cannot be one.
        OutputError: the folder is there already, or cannot be made.
    """
    import keyword

    if not NAME.fullmatch(name) or keyword.iskeyword(name):
        raise UsageError(
            f"'{printable(name)}': a plugin's name is lower_snake: letters, digits, underscores",
            hint=f"for instance {suggestion(name)}",
        )
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


def suggestion(name: str) -> str:
    """A name that can be one."""
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return plain if NAME.fullmatch(plain) else "my_net"
