"""Files of a dataset, in a folder or in a zip that is read in place. No decoding, no numpy."""

import hashlib
import mmap
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Protocol

from clfw.errors import DataError, InputMissing, StorageError, printable

STRAY_NAMES = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
STRAY_FOLDERS = frozenset({"__MACOSX", ".ipynb_checkpoints", ".git"})
SPLIT_FOLDERS = frozenset({"train", "training", "val", "valid", "validation", "test", "testing"})
PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".webp"})
MAX_MEMBER = 1 << 30  # bytes of one unpacked member
MAX_RATIO = 1100  # deflate cannot do better than 1032:1, so more is a forged header


class FileTree(Protocol):
    """Files under names with forward slashes, relative to the root."""

    label: str

    def names(self) -> list[str]:
        """All regular files, sorted."""

    def read(self, name: str) -> bytes:
        """The bytes of one file. Safe to call from several threads."""

    def stamp(self, name: str) -> str:
        """A short text that changes when the file's bytes change."""

    def identity(self) -> str:
        """A text that changes when any name or stamp changes."""


def open_tree(path: Path) -> FileTree:
    """The files of a folder or zip; a single folder that wraps everything is looked through."""
    if path.is_dir():
        return FolderTree(path)
    if not path.exists():
        raise InputMissing(f"no file or folder '{printable(str(path))}'")
    if zipfile.is_zipfile(path):
        return ZipTree(path)
    raise DataError(f"{path.name}: neither a folder nor a zip file")


def is_stray(name: str) -> bool:
    """Whether a file is left behind by an operating system or editor, not part of the data."""
    parts = PurePosixPath(name).parts
    return (
        parts[-1] in STRAY_NAMES
        or parts[-1].startswith("._")
        or any(p in STRAY_FOLDERS for p in parts)
    )


def is_picture(name: str) -> bool:
    """Whether a file's suffix is one that clfw decodes."""
    return PurePosixPath(name).suffix.lower() in PICTURE_SUFFIXES


class FolderTree:
    """A folder on disk. Symbolic links to files are followed, to folders are not."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.label = root.name
        self._stats: dict[str, os.stat_result] | None = None

    def _files(self) -> dict[str, os.stat_result]:
        if self._stats is None:
            self._stats = dict(sorted(self._walk(str(self.root), "")))
        return self._stats

    def _walk(self, folder: str, prefix: str) -> Iterator[tuple[str, os.stat_result]]:
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        yield from self._walk(entry.path, f"{prefix}{entry.name}/")
                    else:
                        status = entry.stat()
                        if stat.S_ISREG(status.st_mode):  # a fifo would block the reader forever
                            yield prefix + entry.name, status
        except OSError as error:
            raise StorageError(f"{folder}: cannot be read: {error.strerror}") from None

    def names(self) -> list[str]:
        return list(self._files())

    def read(self, name: str) -> bytes:
        try:
            return (self.root / name).read_bytes()
        except OSError as error:
            raise StorageError(
                f"{printable(str(self.root / name))}: cannot be read: {error.strerror}"
            ) from None

    def stamp(self, name: str) -> str:
        status = self._files()[name]
        return f"{status.st_size:x}-{status.st_mtime_ns:x}"

    def identity(self) -> str:
        digest = hashlib.sha256(str(self.root.resolve()).encode())
        for name in self._files():
            digest.update(f"{name}\0{self.stamp(name)}\0".encode(errors="surrogateescape"))
        return digest.hexdigest()


class ZipTree:
    """A zip file, read through a memory map; members are found by the central directory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.label = path.name
        self._members: dict[str, zipfile.ZipInfo] | None = None
        self._map: mmap.mmap | None = None
        self._zip: zipfile.ZipFile | None = None

    def _open(self) -> dict[str, zipfile.ZipInfo]:
        if self._members is None:
            try:
                self._zip = zipfile.ZipFile(self.path)
            except (zipfile.BadZipFile, OSError, ValueError) as error:
                raise DataError(f"{self.label}: not a readable zip: {error}") from None
            members = {i.filename: i for i in self._zip.infolist() if not i.is_dir()}
            if len(members) != sum(not i.is_dir() for i in self._zip.infolist()):
                raise DataError(f"{self.label}: holds two members of one name")
            prefix = wrapping_folder(list(members))
            self._members = {name[len(prefix) :]: members[name] for name in sorted(members)}
            with self.path.open("rb") as file:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return self._members

    def names(self) -> list[str]:
        return list(self._open())

    def read(self, name: str) -> bytes:
        info = self._open()[name]
        where = f"{self.label}/{printable(name)}"
        if info.file_size > MAX_MEMBER or info.file_size > MAX_RATIO * max(info.compress_size, 1):
            raise DataError(f"{where}: unpacks to {info.file_size} bytes, over the limit")
        assert self._map is not None
        header = self._map[info.header_offset : info.header_offset + 30]
        if len(header) < 30 or header[:4] != b"PK\x03\x04" or info.flag_bits & 1:
            raise DataError(f"{where}: encrypted or damaged zip member")
        name_length, extra_length = struct.unpack("<HH", header[26:30])
        start = info.header_offset + 30 + name_length + extra_length
        data = self._map[start : start + info.compress_size]
        data = self._unpacked(info, data, where)
        if len(data) != info.file_size or zlib.crc32(data) != info.CRC:
            raise DataError(f"{where}: damaged: checksum differs")
        return data

    def _unpacked(self, info: zipfile.ZipInfo, data: bytes, where: str) -> bytes:
        if info.compress_type == zipfile.ZIP_STORED:
            return data
        if info.compress_type != zipfile.ZIP_DEFLATED:
            raise DataError(f"{where}: packed by a method other than store or deflate")
        try:
            return zlib.decompressobj(-15).decompress(data, info.file_size + 1)
        except zlib.error as error:
            raise DataError(f"{where}: damaged: {error}") from None

    def stamp(self, name: str) -> str:
        info = self._open()[name]
        return f"{info.file_size:x}-{info.CRC:08x}"

    def identity(self) -> str:
        """Hash of the central directory, which holds every member's name, size and checksum.

        Reading it costs milliseconds where opening a zip of 70,000 members costs half a second.
        """
        with self.path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            tail_start = max(0, size - 65_557)  # end record and the longest comment
            file.seek(tail_start)
            tail = file.read()
            end = tail.rfind(b"PK\x05\x06")
            if end < 0 or len(tail) - end < 22:
                raise DataError(f"{self.label}: not a readable zip: no end record")
            length, offset = struct.unpack("<LL", tail[end + 12 : end + 20])
            if offset == 0xFFFFFFFF or length == 0xFFFFFFFF:  # zip64: hash everything instead
                file.seek(0)
                return hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(offset)
            return hashlib.sha256(file.read(length) + size.to_bytes(8, "big")).hexdigest()


def wrapping_folder(names: list[str]) -> str:
    """The single top folder that holds every file that is no stray, with its slash, or ""."""
    tops = {PurePosixPath(name).parts[0] for name in names if not is_stray(name)}
    inside = all("/" in name for name in names if not is_stray(name))
    if len(tops) != 1 or not inside or tops & SPLIT_FOLDERS:
        return ""
    prefix = f"{tops.pop()}/"
    return prefix if all(name.startswith(prefix) for name in names) else ""
