"""The directory of a zip file: where each member is. Unusual files are left to `zipfile`."""

import mmap
import struct
import zipfile
from pathlib import Path
from typing import NamedTuple

END = struct.Struct("<4s4H2LH")
LOCATOR = struct.Struct("<4sLQL")
END64 = struct.Struct("<4sQ2H2L4Q")
ENTRY = struct.Struct("<4s6H3L5H2L")
PLAIN_FLAGS = 0x0808  # sizes after the data, names in UTF-8
UTF8 = 0x0800
NEWEST = 45  # version needed to extract, as 2.0 is 20
ZIP64, MANY, MANY_ENTRIES = 0x0001, 0xFFFFFFFF, 0xFFFF  # the markers of 64-bit sizes


class Member(NamedTuple):
    """A file in a zip, with the attribute names of `zipfile.ZipInfo`."""

    filename: str
    header_offset: int
    compress_size: int
    file_size: int
    CRC: int
    compress_type: int
    flag_bits: int


def members_of(path: Path) -> list[Member]:
    """All members that are files; a damaged or forged directory raises exceptions of many types."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        found = plain_members(data)
    if found is not None:
        return found
    with zipfile.ZipFile(path) as archive:
        return [
            Member(*(getattr(info, name) for name in Member._fields))
            for info in archive.infolist()
            if not info.is_dir()
        ]


def plain_members(data: "bytes | mmap.mmap") -> list[Member] | None:
    """What `zipfile` would find, in less than half the time; None for anything unusual.

    Such as a comment, a second volume, sizes over 4 GB, an old name encoding, trailing bytes.
    """
    found = find_directory(data)
    if found is None:
        return None
    count, directory = found
    members, at = [], 0
    for _ in range(count):
        if at + ENTRY.size > len(directory):
            return None
        (mark, _, version, flags, method, _, _, crc, packed, unpacked, name_length,
         extra_length, comment_length, volume, _, _, position) = ENTRY.unpack_from(directory, at)  # fmt: skip
        name_end = at + ENTRY.size + name_length
        raw = directory[at + ENTRY.size : name_end]
        extra = directory[name_end : name_end + extra_length]
        at = name_end + extra_length + comment_length
        usual = (
            mark == b"PK\x01\x02" and not volume and version <= NEWEST and not flags & ~PLAIN_FLAGS
        )
        whole = (
            at <= len(directory) and MANY not in (packed, unpacked, position) and b"\0" not in raw
        )
        if not (usual and whole and (raw.isascii() or flags & UTF8) and is_plain_extra(extra)):
            return None
        try:
            name = raw.decode()
        except UnicodeDecodeError:
            return None
        if not name.endswith("/"):
            members.append(Member(name, position, packed, unpacked, crc, method, flags))
    return members if at == len(directory) else None


def find_directory(data: "bytes | mmap.mmap") -> tuple[int, bytes] | None:
    """The number of entries and their bytes, which end where the end record starts."""
    end = len(data) - END.size
    if end < 0:
        return None
    mark, disk, first, here, count, size, offset, comment = END.unpack(data[end:])
    if mark != b"PK\x05\x06" or disk or first or comment or here != count:
        return None
    if MANY in (count, size, offset) or count == MANY_ENTRIES:
        locator = end - LOCATOR.size
        end = locator - END64.size
        if end < 0:
            return None
        mark, disk, place, disks = LOCATOR.unpack(data[locator : locator + LOCATOR.size])
        if mark != b"PK\x06\x07" or disk or place != end or disks != 1:
            return None
        mark, length, _, _, disk, first, here, count, size, offset = END64.unpack(
            data[end : end + END64.size]
        )
        if mark != b"PK\x06\x06" or length != END64.size - 12 or disk or first or here != count:
            return None
    return (count, data[offset:end]) if offset + size == end else None


def is_plain_extra(extra: bytes) -> bool:
    """Whether an entry's extra fields are complete and none of them gives sizes over 4 GB."""
    while extra:
        if len(extra) < 4:
            return False
        kind, length = struct.unpack_from("<HH", extra)
        if kind == ZIP64 or length + 4 > len(extra):
            return False
        extra = extra[length + 4 :]
    return True
