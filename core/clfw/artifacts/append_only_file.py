"""A file that grows with a run: tracked by length and hash, verified and truncated by a resume."""

import hashlib
from pathlib import Path

from clfw.io import storage


class AppendOnlyFile:
    """One such file; `size` and `digest` cover the part that this process knows."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self._hash = hashlib.sha256()

    @property
    def digest(self) -> str:
        """The SHA-256 of the known part."""
        return self._hash.hexdigest()

    @property
    def found(self) -> int:
        """Bytes in the file now; 0 if it does not exist."""
        return self.path.stat().st_size if self.path.exists() else 0

    def absorb(self) -> None:
        """Extend the known part by what was appended since."""
        with self.path.open("rb") as file:
            file.seek(self.size)
            added = file.read()
        self._hash.update(added)
        self.size += len(added)

    def fault(self, size: int, digest: str) -> str:
        """Why the file cannot have grown from its first `size` bytes; "" if it can.

        `digest` is empty in older checkpoints.
        """
        if self.found < size:
            return f"is shorter than at the checkpoint: {self.found} bytes, {size} then"
        if digest and self._head(size).hexdigest() != digest:
            return f"has changed since the checkpoint: its first {size} bytes differ"
        return ""

    def set_known(self, size: int) -> None:
        """Make the first `size` bytes the known part; `truncate` then drops the rest."""
        self.size = size
        self._hash = self._head(size)

    def truncate(self) -> None:
        """Drop everything after the known part."""
        storage.truncate(self.path, self.size)

    def sync(self) -> None:
        """Flush the known part to disk, if there is any."""
        if self.size:
            storage.sync_path(self.path)

    def _head(self, size: int) -> "hashlib._Hash":
        if not size:
            return hashlib.sha256()
        with self.path.open("rb") as file:
            return hashlib.sha256(file.read(size))
