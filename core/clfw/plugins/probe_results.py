"""What probes found out about plugins, kept in the cache folder while the plugin's files are the same.

Nothing is kept of the plugins that clfw itself brings: no probe may switch those off.
"""

import os
from collections.abc import Iterable, Mapping
from typing import Any

from clfw.io.storage import cache_folder, cache_root, write_atomically
from clfw.plugins.plugin import Plugin

FOLDER, FILE = "plugins", "verdicts.json"
OWN = "clfw"  # the package


def read_probe_results() -> dict[str, dict[str, str]]:
    """By a plugin's identity, `{"reason": ..., "files": ...}`; the reason is empty for one that passed.

    `files` is what `file_stamp` gave when it was probed.
    """
    path = cache_root() / FOLDER / FILE
    try:
        text = path.read_bytes()
    except OSError:  # nothing probed yet
        return {}
    import json

    try:
        found: dict[str, Any] = json.loads(text)
        return {
            str(key): {"reason": str(result["reason"]), "files": str(result["files"])}
            for key, result in found.items()
        }
    except (ValueError, AttributeError, KeyError, TypeError):  # a cache may be lost
        return {}


def reason_of(plugin: Plugin, results: Mapping[str, Mapping[str, str]]) -> str:
    """Why the plugin failed its probe; empty where it passed, or its files have changed since."""
    result = results.get(plugin.identity)
    if result is None or not result["reason"] or plugin.package == OWN:
        return ""
    return result["reason"] if result["files"] == file_stamp(plugin) else ""


def save_probe_results(found: Iterable[tuple[Plugin, str]]) -> None:
    """Add to what is kept: why each plugin failed, empty for one that passed."""
    import json

    new = {
        plugin.identity: {"reason": reason, "files": file_stamp(plugin)}
        for plugin, reason in found
        if plugin.package != OWN
    }
    text = json.dumps(read_probe_results() | new, indent=2, sort_keys=True)
    write_atomically(cache_folder(FOLDER) / FILE, f"{text}\n".encode())


def file_stamp(plugin: Plugin) -> str:
    """A hash of the names, sizes and times of change of the plugin's files. Imports nothing of it.

    Empty where they are not found, and for a plugin file, whose version is a hash already.
    """
    import hashlib
    from importlib.util import find_spec

    if plugin.file:
        return ""
    try:
        spec = find_spec(plugin.module.partition(".")[0])
    except (ImportError, ValueError):
        return ""
    if spec is None:
        return ""
    paths = [spec.origin] if spec.has_location and spec.origin else []
    for folder in spec.submodule_search_locations or ():
        for parent, folders, names in os.walk(folder):
            folders[:] = [name for name in folders if name != "__pycache__"]
            paths += [f"{parent}/{name}" for name in names]
    stamp = hashlib.sha256()
    for path in sorted(paths):
        facts = os.lstat(path)
        stamp.update(f"{path}\0{facts.st_size}\0{facts.st_mtime_ns}\0".encode("utf-8", "replace"))
    return stamp.hexdigest()
