"""Reads CSV lists of pictures, beside the pictures in a folder or inside one zip, or by themselves."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from clfw import DataError, Submission, Table
from clfw.api import (
    FileTree,
    UsageError,
    bullet_list,
    did_you_mean,
    escape,
    is_list,
    label_texts,
    open_tree,
    plural,
    read_csv,
    submission_layout,
)
from clfw_plugins.csv_images.finding import Pictures, places
from clfw_plugins.csv_images.listed import Listed, read_list
from clfw_plugins.csv_images.listed_files import ListedFilesTree
from clfw_plugins.csv_images.params import CsvImagesParams

OTHER_LISTS = ("validation_csv", "test_csv", "submission_csv")


def open_csv_images(params: CsvImagesParams, path: Path) -> "CsvImages":
    """The source at `path`: a folder or zip with the lists and the pictures, or one list."""
    if path.is_file() and is_list(path.name):
        path, alone = path.absolute(), alone_params(params, path.name)
        tree = ListedFilesTree(
            path, params.root, params.folders.values(), lambda: keys_of(path, alone)
        )
        return CsvImages(alone, tree, anywhere=True)
    if params.root:
        raise UsageError(
            f"data.root: '{escape(params.root)}' is for a list that is read by itself",
            hint="leave it out, or name the list with data.path",
        )
    return CsvImages(params, open_tree(path), anywhere=False)


def alone_params(params: CsvImagesParams, name: str) -> CsvImagesParams:
    """`params` for one list without others beside it."""
    for key in OTHER_LISTS:
        value = getattr(params, key)
        if value not in ("", CsvImagesParams.model_fields[key].default):
            raise UsageError(
                f"data.{key}: '{escape(value)}' does not go with a list that is read by itself",
                hint="name the folder of the lists, or say the split in a column",
            )
    return params.model_copy(update={"train_csv": name, **dict.fromkeys(OTHER_LISTS, "")})


def keys_of(path: Path, params: CsvImagesParams) -> Iterator[str]:
    """The ids or paths of a list."""
    rows = read_csv(path.read_bytes(), path.name)
    column = params.image or next((name for row in rows[:1] for name in row.values), "")
    return (row.values[column] for row in rows if row.values.get(column))


class CsvImages:
    """Rows of the lists, each with the name of its picture."""

    def __init__(self, params: CsvImagesParams, tree: FileTree, anywhere: bool) -> None:
        self._params = params
        self._tree = tree
        self._anywhere = anywhere
        self._found: Pictures | None = None
        self._files: list[str] | None = None
        self._folders: set[str] | None = None

    def identity(self) -> str:
        return self._tree.identity()

    def read(self, row: int) -> bytes:
        return self._tree.read(self.file_name(row))

    def file_name(self, row: int) -> str:
        if self._files is None:
            self._files = self._resolve(list(self._rows()))
        return self._files[row]

    def table(self) -> Table:
        rows = list(self._rows())
        files = self._files = self._resolve(rows)
        params = self._params
        names = params.class_names
        labels = [row.label for row in rows]
        return Table(
            keys=[row.key for row in rows],
            labels=labels,
            splits=[row.split for row in rows],
            versions=[self._tree.stamp(file) for file in files],
            locations=[row.place for row in rows],
            key_column=rows[0].column,
            label_column=params.label,
            groups=[row.group for row in rows] if params.group else (),
            class_names=names,
            class_values=label_texts(names, params.class_values, labels),
            unused_files=tuple(self._strays(set(files))),
            warnings=blanks_around(rows),
            submission=self._submission(rows),
        )

    def _rows(self) -> Iterator[Listed]:
        params, present = self._params, set(self._tree.names())
        lists = {
            "train": params.train_csv,
            "validation": params.validation_csv,
            "test": params.test_csv,
        }
        for split, name in lists.items():
            if name not in present and split == "train":
                others = [n for n in present if is_list(n)]
                raise DataError(
                    f"{self._tree.label}: no file '{escape(name)}'",
                    hint=did_you_mean(name, others, "name the list with --set data.train_csv=FILE"),
                )
            if name in present:
                yield from read_list(
                    self._tree, self._pictures(), name, split, params, self._anywhere
                )

    def _resolve(self, rows: Iterable[Listed]) -> list[str]:
        """The file of each row; every row without one, or with that of another, is named."""
        pictures = self._pictures()
        taken: dict[tuple[str, str], str] = {}
        files, faults, missing = [], [], False
        for row in rows:
            found = pictures.of(row.key, row.folders)
            if len(found) != 1:
                faults.append(f"{where(row)}: {self._missed(row, found)}")
                missing = True
                continue
            first = taken.setdefault((row.split, self._own_path(found[0])), row.key)
            if first != row.key:
                faults.append(
                    f"{where(row)}: '{escape(row.key)}' is the picture of '{escape(first)}'"
                )
            files.append(found[0])
        if faults:
            raise DataError(
                bullet_list("rows without a picture of their own", faults),
                hint=self._remedy() if missing else "keep one row for each picture",
            )
        return files

    def _own_path(self, name: str) -> str:
        """One name for a file that a list may write in two ways: relative and absolute."""
        if isinstance(self._tree, ListedFilesTree):
            return os.path.abspath(self._tree.base / name)  # noqa: PTH100  (keeps symbolic links)
        return name

    def _missed(self, row: Listed, found: list[str]) -> str:
        """Why a row has no picture, or none that is surely its own."""
        key = f"'{escape(row.key)}'"
        if found:
            several = " and ".join(f"'{escape(file, 60)}'" for file in sorted(found))
            return f"{key} may be {several}"
        if "://" in row.key:
            return f"{key} is an address, and pictures are read from disk"
        if any(self._is_folder(place) for place in places(row.key, row.folders)):
            return f"{key} is a folder"
        there = [folder for folder in row.folders if folder and self._is_folder(folder)]
        return f"no picture {key}" + (f" in '{escape(there[0], 40)}'" if there else "")

    def _is_folder(self, name: str) -> bool:
        if isinstance(self._tree, ListedFilesTree):
            return os.path.isdir(self._tree.base / name)  # noqa: PTH112  (takes any text)
        if self._folders is None:
            names = (
                parent for name in self._tree.names() for parent in PurePosixPath(name).parents
            )
            self._folders = {str(parent) for parent in names}
        return name.rstrip("/") in self._folders

    def _pictures(self) -> Pictures:
        if self._found is None:
            self._found = Pictures(self._tree.names())
        return self._found

    def _remedy(self) -> str:
        if isinstance(self._tree, ListedFilesTree):
            return f"paths are below {self._tree.base}; name another folder: --set data.root=FOLDER"
        return f"add the pictures to {self._tree.label} or remove the rows"

    def _strays(self, used: set[str]) -> Iterator[str]:
        params = self._params
        lists = {params.train_csv, *(getattr(params, key) for key in OTHER_LISTS)}
        return (name for name in self._tree.names() if name not in used and name not in lists)

    def _submission(self, rows: list[Listed]) -> Submission | None:
        name = self._params.submission_csv
        if not name or name not in set(self._tree.names()):
            return None
        test = {row.key for row in rows if row.split == "test"}
        return submission_layout(self._tree.read(name), name, test, self._params.test_csv)


def blanks_around(rows: Iterable[Listed]) -> tuple[str, ...]:
    """A sentence where labels with blanks around them join those without."""
    plain = {row.label for row in rows if not row.padded}
    odd = [row for row in rows if row.padded and row.label in plain and row.label]
    if not odd:
        return ()
    names = ", ".join(f"'{escape(name, 30)}'" for name in sorted({str(r.label) for r in odd})[:12])
    return (
        f"{plural(len(odd), 'label')} with blanks around, the first at {odd[0].place}, "
        f"{'is' if len(odd) == 1 else 'are'} read as without: {names}",
    )


def where(row: Listed) -> str:
    """The place of a row's key."""
    return f"{row.place} (column {escape(row.column, 40)})"
