"""Reads pictures sorted into class folders, on disk or inside one zip."""

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from clfw import Table
from clfw.api import FileTree, escape, open_tree, unsupported_images, unsupported_images_line
from clfw_plugins.image_folder.layout import Layout, hidden, lay_out
from clfw_plugins.image_folder.params import ImageFolderParams


def open_image_folder(params: ImageFolderParams, path: Path) -> "ImageFolder":
    """The source at `path`, a folder or zip."""
    return ImageFolder(params, open_tree(path, look_through=False), path)


class ImageFolder:
    """A row a picture; its key is its path below the folder that holds the classes or splits."""

    def __init__(self, params: ImageFolderParams, tree: FileTree, path: Path) -> None:
        self._params = params
        self._tree = tree
        self._path = path
        self._files: list[str] | None = None

    def identity(self) -> str:
        return self._tree.identity()

    def read(self, row: int) -> bytes:
        if self._files is None:
            layout = lay_out(self._tree.names(), self._tree.label)
            self._files = [picture.name for picture in layout.pictures]
        return self._tree.read(self._files[row])

    def table(self) -> Table:
        layout = lay_out(self._tree.names(), self._tree.label)
        names = self._params.class_names
        pictures = layout.pictures
        self._files = [picture.name for picture in pictures]
        return Table(
            keys=[picture.name.removeprefix(layout.root) for picture in pictures],
            labels=[picture.label for picture in pictures],
            splits=[picture.split for picture in pictures],
            versions=[self._tree.stamp(picture.name) for picture in pictures],
            locations=[f"{self._tree.label}/{picture.folder}" for picture in pictures],
            class_names=names,
            class_values=(self._params.class_values or names) if names else (),
            unused_files=layout.unused_files,
            empty_classes=()
            if names
            else tuple(self._bare(layout)),  # core names a listed class itself
        )

    def _bare(self, layout: Layout) -> Iterator[str]:
        """The class folders without a picture: a class would be gone without a word."""
        filled = {picture.label for picture in layout.pictures if picture.split == "train"}
        files = self._tree.names()
        for folder in sorted(folders(self._path, files)):
            above, slash, name = folder.rpartition("/")
            if above + slash in layout.class_roots and name not in filled and not hidden(folder):
                link = self._path.is_dir() and (self._path / folder).is_symlink()
                others = unsupported_images(file for file in files if file.startswith(f"{folder}/"))
                why = "is a symbolic link, which is not followed" if link else "holds no picture"
                why += f", but {unsupported_images_line(others)}" if others else ""
                yield f"{self._tree.label}/{escape(folder)}: {why}"


def folders(path: Path, names: list[str]) -> Iterator[str]:
    """Every folder, those without files too."""
    found = {str(parent) for name in names for parent in PurePosixPath(name).parents}
    if path.is_dir():
        for above, below, _ in os.walk(path):
            relative = Path(above).relative_to(path)
            found.update((relative / name).as_posix() for name in below)
    else:
        with zipfile.ZipFile(path) as archive:
            members = [info.filename for info in archive.infolist() if info.is_dir()]
        found.update(member.rstrip("/") for member in members)
    yield from found - {"."}
