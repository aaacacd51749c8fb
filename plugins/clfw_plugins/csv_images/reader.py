"""Reads CSV lists of pictures, beside the pictures in a folder or inside one zip."""

from collections.abc import Iterator
from pathlib import Path

from clfw import DataError, Submission, Table
from clfw.csvfile import CsvRow, decoded, delimiter_of, read_csv, records
from clfw.errors import joined, nearest, printable
from clfw.filetree import FileTree, is_picture, is_stray, open_tree
from clfw.submissions import submission_layout
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
            raise DataError(f"{name}:1: a header and no rows")
        columns = list(rows[0].values)
        image = self._params.image or columns[0]
        wanted = [image, *([self._params.group] if self._params.group else [])]
        if split == "train":
            wanted.append(self._params.label)
        for column in wanted:
            if column not in columns:
                key = {image: "image", self._params.label: "label"}.get(column, "group")
                raise DataError(
                    f"{name}:{self._header_line(name)}: no column '{printable(column)}'; the columns are "
                    f"{', '.join(printable(c, 30) for c in columns[:12])}",
                    hint=f"name the column with --set data.{key}=COLUMN",
                )
        listed = [Listed(row, self._params, image, split, name) for row in rows]
        if faults := [row.fault for row in listed if row.fault]:
            raise DataError(
                joined("rows that cannot be used", faults),
                hint="fill in the values or remove the rows",
            )
        folder, present = listed[0].folder, Pictures(self._tree.names())
        if any(present.of(column, folder) for column in columns):
            raise DataError(
                f"{name}:{self._header_line(name)} (column {image}): the first line names a picture, "
                "not the columns",
                hint="add a first line that names the columns",
            )
        yield from listed

    def _header_line(self, name: str) -> int:
        text = decoded(self._tree.read(name), name)
        return next(line for line, _ in records(text, delimiter_of(text), name))

    def _resolve(self, rows: "list[Listed]") -> list[str]:
        """The file of each row; every row without one, or with that of another, is named."""
        pictures = Pictures(self._tree.names())
        taken: dict[tuple[str, str], str] = {}
        files, faults = [], []
        for row in rows:
            found = pictures.of(row.key, row.folder)
            named = f"{row.folder}/{row.key}" if row.folder else row.key
            if len(found) != 1:
                several = " and ".join(f"'{printable(file, 60)}'" for file in sorted(found))
                what = (
                    f"'{printable(row.key)}' may be {several}"
                    if found
                    else f"no picture '{printable(named)}'"
                )
                faults.append(f"{row.place} (column {row.column}): {what}")
                continue
            first = taken.setdefault((row.split, found[0]), row.key)
            if first != row.key:
                faults.append(
                    f"{row.place} (column {row.column}): '{printable(row.key)}' is the picture of "
                    f"'{printable(first)}'"
                )
            files.append(found[0])
        if faults:
            raise DataError(
                joined("rows without a picture of their own", faults),
                hint=f"add the pictures to {self._tree.label} or remove the rows",
            )
        return files

    def _strays(self, used: set[str]) -> Iterator[str]:
        params = self._params
        lists = {params.train_csv, params.test_csv, params.submission_csv}
        return (name for name in self._tree.names() if name not in used and name not in lists)

    def _submission(self, rows: "list[Listed]") -> Submission | None:
        name = self._params.submission_csv
        if not name or name not in set(self._tree.names()):
            return None
        test = {row.key for row in rows if row.split == "test"}
        return submission_layout(self._tree.read(name), name, test, self._params.test_csv)


class Pictures:
    """The files that ids and paths may stand for."""

    def __init__(self, names: list[str]) -> None:
        self._names = set(names)
        self._stems: dict[str, list[str]] = {}
        for name in names:
            if is_picture(name) and not is_stray(name):
                self._stems.setdefault(name.rpartition(".")[0], []).append(name)

    def of(self, key: str, folder: str) -> list[str]:
        """The files of a key: of that name or else of that name and a suffix, in `folder` first."""
        paths = (f"{folder}/{key}", key) if folder else (key,)
        exact = [path for path in paths if path in self._names]
        return exact[:1] or next((self._stems[path] for path in paths if path in self._stems), [])


class Listed:
    """One row of a list; `fault` says what is wrong with it, or ""."""

    __slots__ = ("column", "fault", "folder", "group", "key", "label", "place", "split")

    def __init__(
        self, row: CsvRow, params: CsvImagesParams, image: str, split: str, name: str
    ) -> None:
        self.key = row.values[image]
        self.column = printable(image, 40)
        self.split = split
        self.place = f"{name}:{row.line}"
        self.label = row.values.get(params.label)
        self.group = row.values[params.group] if params.group else ""
        self.folder = params.train_folder if split == "train" else params.test_folder
        self.fault = ""
        if self.label == "":
            self.fault = f"{self.place} (column {printable(params.label, 40)}): the label is empty"
        elif not self.key or ".." in self.key.split("/") or self.key.startswith("/"):
            key = printable(self.key)
            self.fault = f"{self.place} (column {self.column}): '{key}' is no id or relative path"
