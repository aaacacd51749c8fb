"""Which file an id or a path of a list stands for."""

import posixpath
from collections.abc import Iterable, Iterator

from clfw.api import is_picture, is_stray


class Pictures:
    """Files that may be named with their suffix or without it."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = set(names)
        self._stems: dict[str, list[str]] = {}
        for name in self._names:
            if is_picture(name) and not is_stray(name):
                self._stems.setdefault(name.rpartition(".")[0], []).append(name)

    def of(self, key: str, folders: Iterable[str]) -> list[str]:
        """The files of a key: of that name or else of that name and a suffix, in `folders` first."""
        paths = list(places(key, folders))
        for path in paths:
            if path in self._names:
                return [path]
        for path in paths:
            if path in self._stems:
                return self._stems[path]
        return []


def places(key: str, folders: Iterable[str]) -> Iterator[str]:
    """Where a list's key may lie, with and without its suffix."""
    plain = key
    if "\\" in key or "." in key[:2] or "//" in key or "/." in key:
        plain = posixpath.normpath(key.replace("\\", "/"))
    for folder in folders:
        if folder and not plain.startswith("/"):
            yield f"{folder}/{plain}"
    yield plain
