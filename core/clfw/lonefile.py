"""A file tree of one file."""

import hashlib
from pathlib import Path

from clfw.errors import StorageError, printable


class LoneFile:
    """One file, under its own name, whatever lies beside it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.label = path.name

    def names(self) -> list[str]:
        return [self.path.name]

    def read(self, name: str) -> bytes:
        return self.head(name, -1)

    def head(self, name: str, size: int) -> bytes:
        try:
            with self.path.open("rb") as file:
                return file.read(size)
        except OSError as error:
            raise StorageError(
                f"{printable(str(self.path))}: cannot be read: {error.strerror}"
            ) from None

    def stamp(self, name: str) -> str:
        status = self.path.stat()
        return f"{status.st_size:x}-{status.st_mtime_ns:x}"

    def identity(self) -> str:
        text = f"{self.path.resolve()}\0{self.stamp(self.path.name)}"
        return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()
