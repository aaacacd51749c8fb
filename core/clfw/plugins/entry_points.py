"""Entry points of group `clfw`, read from the metadata folders of installed packages.

Nothing is imported. `importlib.metadata` is not used: one unreadable package would make it
fail for all, and importing it takes half as long as all else that `clfw list` does.
"""

import os
import re
import sys
from collections.abc import Callable, Iterator

from clfw.plugins.plugin import Plugin
from clfw.text import escape

GROUP = "clfw"
FOLDERS = (".dist-info", ".egg-info")
# A string: compiled only where a package requires clfw, not by every command.
REQUIREMENT = (
    r"(?i:clfw)\s*(?:\[[^\]]*\])?\s*\(?(?P<range>[<>=!~][^;)]*)?\)?\s*(?:;(?P<marker>.*))?"
)


def entry_points(warn: Callable[[str], None]) -> Iterator[Plugin]:
    """A plugin for each entry point, in the order of the search path.

    A package found twice counts once, as for imports. `warn` is told of unreadable metadata.
    """
    seen: set[tuple[str, str]] = set()
    for folder in metadata_folders():
        try:
            for plugin in plugins_of(folder):
                if (plugin.package, plugin.name) not in seen:
                    seen.add((plugin.package, plugin.name))
                    yield plugin
        except (OSError, ValueError) as error:
            reason = escape(f"{type(error).__name__}: {error}", 200)
            warn(f"{escape(folder)}: cannot read its metadata: {reason}; skipped")


def metadata_folders() -> Iterator[str]:
    """The metadata folders on the search path that name entry points."""
    for place in dict.fromkeys(sys.path):
        try:
            names = sorted(os.listdir(place or "."))  # noqa: PTH208
        except OSError:  # not a folder, or not readable
            continue
        for name in names:
            folder = f"{place or '.'}/{name}"
            if name.endswith(FOLDERS) and os.path.exists(f"{folder}/entry_points.txt"):  # noqa: PTH110
                yield folder


def plugins_of(folder: str) -> Iterator[Plugin]:
    """The plugins of one package; `OSError` or `ValueError` where its metadata cannot be read."""
    points = read(f"{folder}/entry_points.txt")
    if f"[{GROUP}]".encode() not in points:
        return
    headers = read_headers(folder)
    folder_name = os.path.basename(folder)  # noqa: PTH119  (a folder may lack METADATA)
    package = escape((headers.get("name") or [folder_name])[0], 80)
    version = escape((headers.get("version") or ["0"])[0], 30)
    requires = required_range(headers.get("requires-dist", []))
    for name, module in parse_group(points.decode()):
        yield Plugin(
            name=escape(name, 80),
            module=escape(module, 200),
            package=package,
            version=version,
            requires=escape(requires, 80),
        )


def parse_group(text: str) -> list[tuple[str, str]]:
    """(name, module) of each entry point of our group; `ValueError` for a malformed line."""
    found, inside = [], False
    for line in map(str.strip, text.splitlines()):
        if not line or line.startswith(("#", ";")):
            continue
        if line.startswith("["):
            inside = line == f"[{GROUP}]"
        elif inside:
            name, equals, value = line.partition("=")
            if not equals:
                raise ValueError(f"entry_points.txt: '{line}' is not name = module")
            found.append((name.strip(), value.partition("[")[0].strip()))
    return found


def read_headers(folder: str) -> dict[str, list[str]]:
    """The headers of METADATA (PKG-INFO in an egg) by lower-case name; empty where it is absent."""
    try:
        text = read(f"{folder}/METADATA")
    except FileNotFoundError:
        try:
            text = read(f"{folder}/PKG-INFO")
        except FileNotFoundError:
            return {}
    headers: dict[str, list[str]] = {}
    for line in text.decode().splitlines():
        if not line:  # the description follows
            break
        key, colon, value = line.partition(":")
        if colon and not line[0].isspace():
            headers.setdefault(key.lower(), []).append(value.strip())
    return headers


def required_range(requirements: list[str]) -> str:
    """The clfw versions that a package requires, ignoring extras; empty for any."""
    ranges = []
    for requirement in requirements:
        match = re.fullmatch(REQUIREMENT, requirement)
        if match and match["range"] and applies(match["marker"] or ""):
            ranges.append(match["range"].replace(" ", ""))
    return ",".join(ranges)


def applies(marker: str) -> bool:
    """Whether a requirement with this environment marker holds here, without any extra."""
    if not marker.strip():
        return True
    from packaging.markers import InvalidMarker, Marker

    try:
        return Marker(marker).evaluate({"extra": ""})
    except InvalidMarker:
        return False


def read(path: str) -> bytes:
    """The bytes of the file at `path`."""
    with open(path, "rb") as file:  # noqa: PTH123  (a Path for each would double the cost)
        return file.read()
