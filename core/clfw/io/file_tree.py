"""Files of a dataset, in a folder or in a zip that is read in place. No decoding, no numpy."""

import hashlib
import mmap
import os
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from clfw.errors import DataError, InputMissing, StorageError
from clfw.io.zip_directory import Member, members_of
from clfw.text import escape

STRAY_NAMES = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
STRAY_FOLDERS = frozenset({"__MACOSX", ".ipynb_checkpoints", ".git"})
SPLIT_FOLDERS = frozenset({"train", "training", "val", "valid", "validation", "test", "testing"})
IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".webp"})
UNSUPPORTED_SUFFIXES = frozenset(
    {".tif", ".tiff", ".gif", ".heic", ".heif", ".avif", ".jp2", ".jxl", ".svg", ".psd", ".ico",
     ".ppm", ".pgm", ".tga", ".dng", ".nef", ".cr2", ".arw", ".dcm"}
)  # fmt: skip
MAX_MEMBER = 1 << 30  # bytes of one unpacked member
MAX_RATIO = 1100  # deflate cannot exceed 1032:1, so more means a forged header


class FileTree(Protocol):
    """Files by name: the path below the root, with forward slashes."""

    label: str

    def names(self) -> list[str]:
        """All regular files, sorted."""

    def read(self, name: str) -> bytes:
        """The bytes of one file. Safe to call from several threads."""

    def head(self, name: str, size: int) -> bytes:
        """The first `size` bytes of one file, unchecked; fewer where it is shorter."""

    def stamp(self, name: str) -> str:
        """A short text that changes when the file's bytes change."""

    def identity(self) -> str:
        """A text that changes when any name or stamp changes."""


def open_tree(path: Path, *, look_through: bool = True) -> FileTree:
    """The files of a folder or zip.

    Args:
        look_through: drop a single folder that wraps everything from the names.
    """
    if path.is_dir():
        return FolderTree(path, look_through)
    if not path.exists():
        raise InputMissing(f"no file or folder '{escape(str(path))}'")
    if path.is_file() and zipfile.is_zipfile(path):  # reading a fifo would never end
        return ZipTree(path, look_through)
    if path.suffix.lower() == ".zip":
        raise DataError(f"{path.name}: not a complete zip file", hint="download or pack it again")
    raise DataError(f"{path.name}: neither a folder nor a zip file")


def is_stray(name: str) -> bool:
    """Whether an operating system or editor left the file there; it is not part of the data."""
    parts = name.split("/")  # ten times as fast as a path object, and asked of every file
    last = parts[-1]
    return last in STRAY_NAMES or last.startswith("._") or not STRAY_FOLDERS.isdisjoint(parts)


def is_regular(entry: "os.DirEntry[str]") -> bool:
    """Whether it is a file or a link to one; a FIFO would block its reader, a dead link has nothing."""
    try:
        return entry.is_file()
    except OSError:  # links in a circle
        return False


def is_picture(name: str) -> bool:
    """Whether clfw decodes files with this suffix."""
    stem, _, suffix = name.rpartition(".")
    return f".{suffix.lower()}" in IMAGE_SUFFIXES and stem[-1:] not in ("", "/")


def unsupported_images(names: Iterable[str]) -> list[str]:
    """The files that are images in a format that clfw does not decode."""
    return [n for n in names if suffix_of(n) in UNSUPPORTED_SUFFIXES and not is_stray(n)]


def unsupported_images_line(names: list[str]) -> str:
    """How many such files there are, and of which formats, for a message."""
    kinds = ", ".join(sorted({suffix_of(name) for name in names}))
    files = f"{len(names):,} {'file' if len(names) == 1 else 'files'}"
    return f"{files} in unsupported formats ({kinds}); supported are PNG, JPEG, BMP, WEBP"


def suffix_of(name: str) -> str:
    """A file's suffix in lower case, with its dot."""
    return f".{name.rpartition('.')[2].lower()}"


class FolderTree:
    """A folder on disk. Symbolic links to files are followed, to folders are not."""

    def __init__(self, root: Path, look_through: bool = True) -> None:
        self.root = root
        self.label = root.name
        self._look_through = look_through
        self._real_root = str(root.resolve())
        self._found: dict[str, tuple[str, os.stat_result]] | None = None

    def _files(self) -> dict[str, tuple[str, os.stat_result]]:
        """Path below the root and `stat` of each file, by name."""
        if self._found is None:
            found = dict(self._walk())
            prefix = wrapping_folder(list(found)) if self._look_through else ""
            named = {path.removeprefix(prefix): (path, found[path]) for path in found}
            self._found = dict(sorted(named.items()))
        return self._found

    def _walk(self) -> Iterator[tuple[str, os.stat_result]]:
        """Path below the root and status of each file; folders may be nested to any depth."""
        waiting = [(str(self.root), "")]
        while waiting:
            folder, prefix = waiting.pop()
            try:
                with os.scandir(folder) as entries:
                    for entry in entries:
                        if entry.is_dir(follow_symlinks=False):
                            waiting.append((entry.path, f"{prefix}{entry.name}/"))
                        elif is_regular(entry):
                            yield prefix + entry.name, entry.stat()
            except OSError as error:
                raise StorageError(f"{escape(folder)}: cannot be read: {error.strerror}") from None

    def names(self) -> list[str]:
        return list(self._files())

    def read(self, name: str) -> bytes:
        path = self.root / self._files()[name][0]
        try:
            return path.read_bytes()
        except OSError as error:
            raise StorageError(f"{escape(str(path))}: cannot be read: {error.strerror}") from None

    def head(self, name: str, size: int) -> bytes:
        path = self.root / self._files()[name][0]
        try:
            with path.open("rb") as file:
                return file.read(size)
        except OSError as error:
            raise StorageError(f"{escape(str(path))}: cannot be read: {error.strerror}") from None

    def stamp(self, name: str) -> str:
        # The path too: files unpacked from an archive often share one size and one time.
        path, status = self._files()[name]
        place = hashlib.blake2b(os.fsencode(f"{self._real_root}/{path}"), digest_size=8)
        return f"{status.st_size:x}-{status.st_mtime_ns:x}-{place.hexdigest()}"

    def identity(self) -> str:
        digest = hashlib.sha256()
        for name in self._files():
            digest.update(f"{name}\0{self.stamp(name)}\0".encode(errors="surrogateescape"))
        return digest.hexdigest()


class ZipTree:
    """A zip file, read through a memory map; members are found by the central directory."""

    def __init__(self, path: Path, look_through: bool = True) -> None:
        self.path = path
        self.label = path.name
        self._look_through = look_through
        self._members: dict[str, Member] | None = None
        self._map: mmap.mmap | None = None

    def _open(self) -> dict[str, Member]:
        if self._members is None:
            members = self._directory()
            prefix = wrapping_folder(list(members)) if self._look_through else ""
            with self.path.open("rb") as file:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            # Last: a thread that finds the members set uses the map right away.
            named = {name.removeprefix(prefix): members[name] for name in members}
            self._members = {name: named[name] for name in sorted(named)}
        return self._members

    def _directory(self) -> dict[str, Member]:
        """The members that are files, by name."""
        try:
            infos = members_of(self.path)
        except Exception as error:  # a forged directory raises exceptions of many types
            raise DataError(f"{self.label}: not a readable zip: {escape(str(error))}") from None
        members: dict[str, Member] = {}
        for info in infos:
            if members.setdefault(info.filename, info) is not info:
                raise DataError(
                    f"{self.label}: has two members named '{escape(info.filename)}'",
                    hint="pack it again with one file of each name",
                )
        return members

    def names(self) -> list[str]:
        return list(self._open())

    def read(self, name: str) -> bytes:
        info = self._open()[name]
        where = f"{self.label}/{escape(name)}"
        if info.file_size > MAX_MEMBER or info.file_size > MAX_RATIO * max(info.compress_size, 1):
            raise DataError(f"{where}: unpacks to {info.file_size} bytes, over the limit")
        data = self._unpacked(info, self._packed(info, where), info.file_size + 1, where)
        if len(data) != info.file_size or zlib.crc32(data) != info.CRC:
            raise DataError(f"{where}: damaged: checksum differs")
        return data

    def head(self, name: str, size: int) -> bytes:
        info = self._open()[name]
        where = f"{self.label}/{escape(name)}"
        packed = self._packed(info, where)[: size + 1024]  # deflate adds less than that
        return self._unpacked(info, packed, size, where)[:size]

    def _packed(self, info: Member, where: str) -> bytes:
        assert self._map is not None
        header = self._map[info.header_offset : info.header_offset + 30]
        if len(header) < 30 or header[:4] != b"PK\x03\x04" or info.flag_bits & 1:
            raise DataError(f"{where}: encrypted or damaged zip member")
        name_length, extra_length = struct.unpack("<HH", header[26:30])
        start = info.header_offset + 30 + name_length + extra_length
        return self._map[start : start + info.compress_size]

    def _unpacked(self, info: Member, data: bytes, size: int, where: str) -> bytes:
        if info.compress_type == zipfile.ZIP_STORED:
            return data
        if info.compress_type != zipfile.ZIP_DEFLATED:
            raise DataError(f"{where}: compressed by a method other than store or deflate")
        try:
            return zlib.decompressobj(-15).decompress(data, size)
        except zlib.error as error:
            raise DataError(f"{where}: damaged: {error}") from None

    def stamp(self, name: str) -> str:
        info = self._open()[name]
        return f"{info.file_size:x}-{info.CRC:08x}"

    def identity(self) -> str:
        """Hash of the central directory, which holds every member's name, size and checksum.

        Reading it costs milliseconds where opening a zip of 70,000 members takes half a second.
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
            # To the end, because the true offset is larger if something precedes the archive.
            large = offset == 0xFFFFFFFF or length == 0xFFFFFFFF  # zip64 has it elsewhere
            file.seek(0 if large else min(offset, size))
            return f"{hashlib.file_digest(file, 'sha256').hexdigest()}-{size:x}"


def wrapping_folder(names: list[str]) -> str:
    """The single top folder that contains every file but strays, with its slash, or ""."""
    if any("/" not in name and not is_stray(name) for name in names):
        return ""
    tops = {name.partition("/")[0] for name in names if not is_stray(name)}
    if len(tops) != 1 or tops & SPLIT_FOLDERS:
        return ""
    return f"{tops.pop()}/"  # strays outside it, as in __MACOSX/, keep their names


class SingleFileTree:
    """A single file, under its own name, whatever else is in its folder."""

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
                f"{escape(str(self.path))}: cannot be read: {error.strerror}"
            ) from None

    def stamp(self, name: str) -> str:
        status = self.path.stat()
        return f"{status.st_size:x}-{status.st_mtime_ns:x}"

    def identity(self) -> str:
        text = f"{self.path.resolve()}\0{self.stamp(self.path.name)}"
        return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()
