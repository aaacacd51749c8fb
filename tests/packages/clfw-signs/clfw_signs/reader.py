"""Signs in files: `signs.tsv` has file, shape and split of each."""

import csv
import hashlib
from pathlib import Path

from clfw import DataError, Table
from clfw_signs.params import SignsParams


class FolderSource:
    """One row for each line of the list."""

    def __init__(self, folder: Path, list_name: str) -> None:
        self._folder = folder
        self._list = folder / list_name
        if not self._list.exists():
            raise DataError(f"{folder}: has no {list_name}")

    def _lines(self) -> list[list[str]]:
        with self._list.open(encoding="utf-8", newline="") as file:
            return list(csv.reader(file, delimiter="\t"))

    def identity(self) -> str:
        return hashlib.sha256(self._list.read_bytes()).hexdigest()

    def table(self) -> Table:
        lines = self._lines()
        for number, line in enumerate(lines, 1):
            if len(line) != 3:
                raise DataError(f"{self._list}:{number}: has {len(line)} columns, not 3")
        return Table(
            keys=[line[0] for line in lines],
            labels=[line[1] for line in lines],
            splits=[line[2] for line in lines],
            versions=[str((self._folder / line[0]).stat().st_size) + line[0] for line in lines],
            locations=[f"{self._list.name}:{number}" for number in range(1, len(lines) + 1)],
        )

    def read(self, row: int) -> bytes:
        return (self._folder / self._lines()[row][0]).read_bytes()


def open_folder(params: SignsParams, path: Path) -> FolderSource:
    """The source at `path`."""
    return FolderSource(path, params.list_name)
