"""The files of a list that is read by itself: the list and the pictures it names, wherever they lie."""

import hashlib
import os
import posixpath
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from clfw.api import StorageError, escape, is_picture, is_regular
from clfw_plugins.csv_images.finding import places


class ListedFilesTree:
    """A file tree of what a list names; a name is the path as the list has it, relative or not.

    Only the folders that the list names are looked into, each once: a list in a home folder is no
    reason to read all of it.
    """

    def __init__(
        self, path: Path, root: str, folders: Iterable[str], keys: Callable[[], Iterable[str]]
    ) -> None:
        self.path = path
        self.label = path.name
        self.base = path.parent / Path(root).expanduser()
        self._folders = tuple(folders)
        self._keys = keys
        self._found: dict[str, os.DirEntry[str]] | None = None

    def names(self) -> list[str]:
        return [self.path.name, *self._files()]

    def read(self, name: str) -> bytes:
        return self.head(name, -1)

    def head(self, name: str, size: int) -> bytes:
        path = self._path(name)
        try:
            with path.open("rb") as file:
                return file.read(size)
        except OSError as error:
            raise StorageError(f"{escape(str(path))}: cannot be read: {error.strerror}") from None

    def stamp(self, name: str) -> str:
        entry: Path | os.DirEntry[str]
        entry = self.path if name == self.label else self._files()[name]
        status = entry.stat()
        place = hashlib.blake2b(os.fsencode(entry), digest_size=8)
        return f"{status.st_size:x}-{status.st_mtime_ns:x}-{place.hexdigest()}"

    def identity(self) -> str:
        digest = hashlib.sha256()
        for name in self.names():
            digest.update(f"{name}\0{self.stamp(name)}\0".encode(errors="surrogateescape"))
        return digest.hexdigest()

    def _path(self, name: str) -> Path:
        return self.path if name == self.path.name else self.base / name

    def _files(self) -> dict[str, "os.DirEntry[str]"]:
        if self._found is None:
            folders, found = Folders(self.base), {}
            there = [folder for folder in self._folders if (self.base / folder).is_dir()]
            for key in dict.fromkeys(self._keys()):
                for place in places(key, there):
                    found.update(folders.named(place))
            self._found = dict(sorted(found.items()))
        return self._found


class Folders:
    """The folders below a base, each looked into once, when it is first asked for."""

    def __init__(self, base: Path) -> None:
        self._base = base
        self._seen: dict[str, dict[str, list[os.DirEntry[str]]]] = {}

    def named(self, place: str) -> dict[str, "os.DirEntry[str]"]:
        """The files that a path may stand for, with its suffix or without it, by their own paths."""
        folder, slash, last = place.rpartition("/")
        above = folder or slash
        if above not in self._seen:
            self._seen[above] = by_name_and_stem(self._base / above)
        found = self._seen[above].get(last, ())
        return {posixpath.join(above, entry.name): entry for entry in found} if found else {}


def by_name_and_stem(folder: Path) -> dict[str, list["os.DirEntry[str]"]]:
    """The files of one folder, by their names and, if they are pictures, by their stems."""
    found: dict[str, list[os.DirEntry[str]]] = {}
    for entry in entries(folder):
        if is_regular(entry):
            found.setdefault(entry.name, []).append(entry)
            if is_picture(entry.name):
                found.setdefault(entry.name.rpartition(".")[0], []).append(entry)
    return found


def entries(folder: Path) -> Iterator["os.DirEntry[str]"]:
    """What a folder holds; nothing where there is no such folder."""
    try:
        with os.scandir(folder) as scanned:
            yield from scanned
    except (OSError, ValueError):  # the rows whose pictures should lie there are named
        return
