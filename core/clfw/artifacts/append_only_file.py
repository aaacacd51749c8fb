"""A file that grows with a run: known by length and hash, cut back, and checked by a resume."""

import hashlib
from pathlib import Path

from clfw.io import storage


class AppendOnlyFile:
    """One such file, as far as this process knows it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self._hash = hashlib.sha256()

    @property
    def digest(self) -> str:
        """The SHA-256 of what is known."""
        return self._hash.hexdigest()

    @property
    def found(self) -> int:
        """Bytes that are there now."""
        return self.path.stat().st_size if self.path.exists() else 0

    def absorb(self) -> None:
        """Know what has been added since."""
        with self.path.open("rb") as file:
            file.seek(self.size)
            added = file.read()
        self._hash.update(added)
        self.size += len(added)

    def fault(self, size: int, digest: str) -> str:
        """What keeps the file from having grown from one of `size` bytes; "" where nothing does.

        An older checkpoint has no `digest`.
        """
        if self.found < size:
            return f"is shorter than at the checkpoint: {self.found} bytes, and {size} then"
        if digest and self._head(size).hexdigest() != digest:
            return f"is not as it was at the checkpoint: its first {size} bytes differ"
        return ""

    def set_known(self, size: int) -> None:
        """Take the first `size` bytes for the file; what is behind them is to be cut."""
        self.size = size
        self._hash = self._head(size)

    def truncate(self) -> None:
        """Cut what is not known off."""
        storage.truncate(self.path, self.size)

    def sync(self) -> None:
        """Flush the file."""
        if self.size:
            storage.sync_path(self.path)

    def _head(self, size: int) -> "hashlib._Hash":
        if not size:
            return hashlib.sha256()
        with self.path.open("rb") as file:
            return hashlib.sha256(file.read(size))
