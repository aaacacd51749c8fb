"""A local copy instead of a download: published files found and verified, or a whole dataset."""

import gzip
import io
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from clfw.errors import DataError, InputMissing, StorageError, UsageError
from clfw.fetch.remote import CHUNK, PICKLES, Form, Remote, form_of
from clfw.io.file_tree import FileTree, FolderTree, open_tree
from clfw.io.progress import Advance
from clfw.text import escape

GZIP_LEVEL = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Copy:
    """A local file that may be a published one."""

    label: str
    open: Callable[[], BinaryIO]


def require_source(source: Path) -> None:
    """Raise unless `source` exists and is not a pickle."""
    if not source.exists():
        raise InputMissing(f"--from: no file or folder '{escape(str(source))}'")
    if source.suffix.lower() in PICKLES:
        raise UsageError(
            f"--from: '{escape(source.name)}' is a pickle, which can run code when opened; "
            "clfw never unpickles",
            hint="where it was made, save it with safetensors.torch.save_file(state_dict, FILE), "
            "or fetch without --from",
        )


def take_published(source: Path, remotes: Sequence[Remote], folder: Path) -> dict[str, str]:
    """Copy the published files in `source` (a file, folder or zip); returns where each came from.

    A file is found by its name and verified by its checksum, whether compressed as published,
    recompressed or not compressed. {} if no file has such a name.

    Raises:
        InputMissing: only some of the names are found.
        DataError: a file does not have the published content.
    """
    found = {remote.file: list(_candidates(source, remote)) for remote in remotes}
    missing = [name for name, copies in found.items() if not copies]
    if len(missing) == len(found):
        return {}
    if missing:
        raise InputMissing(
            f"--from: '{escape(str(source))}' lacks {', '.join(missing)}",
            hint="give a folder or zip with all files",
        )
    chosen = {remote.file: _first_published(found[remote.file], remote) for remote in remotes}
    for remote in remotes:
        copy, form = chosen[remote.file]
        target = folder / remote.file
        target.parent.mkdir(parents=True, exist_ok=True)
        with copy.open() as read:
            _write(read, target, pack=form == "unpacked")
    return {name: copy.label for name, (copy, _) in chosen.items()}


def take_dataset(source: Path, folder: Path, stem: str, advance: Advance) -> Path:
    """Copy a whole dataset (a folder, a zip, or a single file) to `stem` in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        tree = FolderTree(source, look_through=False)
        for name in tree.names():
            target = folder / stem / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with _open_file(source / name) as read:
                _write(read, target, advance)
        return folder / stem
    packed = zipfile.is_zipfile(source)
    zipped = folder / f"{stem.removesuffix('.zip')}.zip"
    target = zipped if packed else folder / stem / source.name
    target.parent.mkdir(parents=True, exist_ok=True)
    with _open_file(source) as read:
        _write(read, target, advance)
    return target if packed else folder / stem


def copy_file(source: Path, target: Path) -> None:
    """Copy one file; creates the parent folder."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with _open_file(source) as read:
        _write(read, target)


def size_of(source: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    if not source.is_dir():
        return source.stat().st_size
    tree = FolderTree(source, look_through=False)
    return sum((source / name).stat().st_size for name in tree.names())


def _candidates(source: Path, remote: Remote) -> Iterator[Copy]:
    names = {remote.name, remote.name.removesuffix(".gz")}
    if not source.is_dir():
        packed = zipfile.is_zipfile(source)
        if source.name in names or (packed and remote.is_archive):
            yield Copy(label=str(source), open=partial(_open_file, source))
        if not packed or remote.is_archive:
            return
    tree = open_tree(source, look_through=False)
    for name in tree.names():
        if name.rpartition("/")[2] in names:
            if isinstance(tree, FolderTree):
                path = source / name
                yield Copy(label=str(path), open=partial(_open_file, path))
            else:
                yield Copy(label=f"{source}/{name}", open=partial(_unpack, tree, name))


def _first_published(copies: list[Copy], remote: Remote) -> tuple[Copy, Form]:
    """The first copy with the published content."""
    faults = []
    for copy in copies:
        with copy.open() as stream:
            form, seen = form_of(stream, remote)
        if form is not None:
            return copy, form
        faults.append(f"{escape(copy.label, 300)}: sha256 {seen}, expected {remote.sha256}")
    raise DataError(
        f"--from: {'; '.join(faults)}",
        hint="the file is different or damaged: give the published one, or fetch without --from",
    )


def _open_file(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        where = escape(str(path), 300)
        raise StorageError(f"{where}: cannot be read: {error.strerror}") from None


def _unpack(tree: FileTree, name: str) -> BinaryIO:
    return io.BytesIO(tree.read(name))


def _write(
    read: BinaryIO, target: Path, advance: Advance = lambda count: None, *, pack: bool = False
) -> None:
    try:
        with target.open("wb") as file:
            if pack:  # without name and time, so that equal content gives equal files
                with gzip.GzipFile("", "wb", GZIP_LEVEL, file, mtime=0) as packed:
                    _copy_stream(read, packed, advance)
            else:
                _copy_stream(read, file, advance)
    except OSError as error:
        where = escape(str(target), 300)
        raise StorageError(f"{where}: cannot be written: {error.strerror}") from None


def _copy_stream(read: BinaryIO, write: BinaryIO | gzip.GzipFile, advance: Advance) -> None:
    while chunk := read.read(CHUNK):
        write.write(chunk)
        advance(len(chunk))
