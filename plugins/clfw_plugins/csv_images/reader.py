"""Reads CSV lists of pictures, beside the pictures in a folder or inside one zip."""

from collections.abc import Iterator
from pathlib import Path

from clfw import DataError, Submission, Table
from clfw.csvfile import CsvRow, read_csv
from clfw.errors import joined, nearest, printable
from clfw.filetree import FileTree, is_picture, is_stray, open_tree
from clfw_plugins.csv_images.params import CsvImagesParams


def open_csv_images(params: CsvImagesParams, path: Path) -> "CsvImages":
    """The source at `path`, a folder or zip that holds the lists and the pictures."""
    return CsvImages(params, open_tree(path))


class CsvImages:
    """Rows of the lists, each with the name of its picture."""

    def __init__(self, params: CsvImagesParams, tree: FileTree) -> None:
        self._params = params
        self._tree = tree
        self._files: list[str] | None = None

    def identity(self) -> str:
        return self._tree.identity()

    def read(self, row: int) -> bytes:
        if self._files is None:
            self._files = self._resolve(list(self._rows()))
        return self._tree.read(self._files[row])

    def table(self) -> Table:
        rows = list(self._rows())
        files = self._files = self._resolve(rows)
        params = self._params
        names = params.class_names
        values = params.class_values or tuple(str(i) for i in range(len(names)))
        return Table(
            keys=[row.key for row in rows],
            labels=[row.label for row in rows],
            splits=[row.split for row in rows],
            stamps=[self._tree.stamp(file) for file in files],
            places=[row.place for row in rows],
            groups=[row.group for row in rows] if params.group else (),
            class_names=names,
            class_values=values if names else (),
            strays=tuple(self._strays(set(files))),
            submission=self._submission(rows),
        )

    def _rows(self) -> "Iterator[Listed]":
        params, present = self._params, set(self._tree.names())
        for split, name in (("train", params.train_csv), ("test", params.test_csv)):
            if split == "test" and (not name or name not in present):
                continue
            if name not in present:
                lists = [n for n in present if n.endswith((".csv", ".tsv"))]
                raise DataError(
                    f"{self._tree.label}: no file '{printable(name)}'",
                    hint=nearest(name, lists, "name the list with --set data.train_csv=FILE"),
                )
            rows = read_csv(self._tree.read(name), name)
            yield from self._listed(rows, split, name)

    def _listed(self, rows: list[CsvRow], split: str, name: str) -> "Iterator[Listed]":
        if not rows:
            raise DataError(f"{name}: holds no rows")
        columns = list(rows[0].values)
        image = self._params.image or columns[0]
        wanted = [image, *([self._params.group] if self._params.group else [])]
        if split == "train":
            wanted.append(self._params.label)
        for column in wanted:
            if column not in columns:
                key = {image: "image", self._params.label: "label"}.get(column, "group")
                raise DataError(
                    f"{name}:1: no column '{printable(column)}'; the columns are "
                    f"{', '.join(printable(c, 30) for c in columns[:12])}",
                    hint=f"name the column with --set data.{key}=COLUMN",
                )
        for row in rows:
            yield Listed(row, self._params, image, split, name)

    def _resolve(self, rows: "list[Listed]") -> list[str]:
        """The file of each row; every row without one is named."""
        present = set(self._tree.names())
        stems = {n.rpartition(".")[0]: n for n in present if is_picture(n)}
        files, faults = [], []
        for row in rows:
            candidates = (f"{row.folder}/{row.key}" if row.folder else row.key, row.key)
            found = next((c for c in candidates if c in present), None) or next(
                (stems[c] for c in candidates if c in stems), None
            )
            if found is None:
                faults.append(f"{row.place}: no picture '{printable(candidates[0])}'")
            files.append(found or "")
        if faults:
            raise DataError(
                joined("rows without a picture", faults),
                hint=f"add the pictures to {self._tree.label} or remove the rows",
            )
        return files

    def _strays(self, used: set[str]) -> Iterator[str]:
        params = self._params
        lists = {params.train_csv, params.test_csv, params.submission_csv}
        for name in self._tree.names():
            if name not in used and name not in lists and (is_stray(name) or not is_picture(name)):
                yield name

    def _submission(self, rows: "list[Listed]") -> Submission | None:
        name = self._params.submission_csv
        if not name or name not in set(self._tree.names()):
            return None
        listed = read_csv(self._tree.read(name), name)
        if not listed or len(listed[0].values) != 2:
            raise DataError(f"{name}: a submission has rows of two columns")
        key_column, label_column = listed[0].values
        keys = tuple(row.values[key_column] for row in listed)
        test = {row.key for row in rows if row.split == "test"}
        if set(keys) != test or len(set(keys)) != len(keys):
            raise DataError(f"{name}: its ids are not those of {self._params.test_csv}")
        return Submission(key_column=key_column, label_column=label_column, keys=keys)


class Listed:
    """One row of a list."""

    __slots__ = ("folder", "group", "key", "label", "place", "split")

    def __init__(
        self, row: CsvRow, params: CsvImagesParams, image: str, split: str, name: str
    ) -> None:
        self.key = row.values[image]
        self.split = split
        self.place = f"{name}:{row.line}"
        label = row.values.get(params.label)
        if label == "":
            raise DataError(
                f"{self.place} (column {params.label}): the label is empty",
                hint="fill it in or remove the row",
            )
        self.label = label
        self.group = row.values[params.group] if params.group else ""
        self.folder = params.train_folder if split == "train" else params.test_folder
        if not self.key or ".." in self.key.split("/") or self.key.startswith("/"):
            raise DataError(
                f"{self.place} (column {image}): '{printable(self.key)}' is no id or relative path"
            )
