"""The directory of a zip file: where each member lies. `zipfile` reads any that is not plain."""

import mmap
import struct
import zipfile
from pathlib import Path
from typing import NamedTuple

END = struct.Struct("<4s4H2LH")
ENTRY = struct.Struct("<4s6H3L5H2L")
PLAIN_FLAGS = 0x0808  # sizes behind the data, names in UTF-8
UTF8 = 0x0800
NEWEST = 45  # version that a reader must know, as 2.0 is 20
ZIP64, ABSENT = 0x0001, 0xFFFFFFFF


class Member(NamedTuple):
    """A file in a zip; the names of the attributes are those of `zipfile.ZipInfo`."""

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
    """What `zipfile` would find, in a third of the time; None where anything is out of the ordinary.

    As a comment, a second volume, sizes over 4 GB, an old encoding of names, bytes left over.
    """
    start = len(data) - END.size
    if start < 0:
        return None
    mark, disk, first, here, count, size, offset, comment = END.unpack(data[start:])
    if mark != b"PK\x05\x06" or disk or first or comment or here != count or size + offset != start:
        return None
    directory = data[offset:start]
    members, at = [], 0
    for _ in range(count):
        if at + ENTRY.size > size:
            return None
        (mark, _, version, flags, method, _, _, crc, packed, unpacked, name_length,
         extra_length, comment_length, volume, _, _, position) = ENTRY.unpack_from(directory, at)  # fmt: skip
        name_end = at + ENTRY.size + name_length
        raw, extra = directory[at + ENTRY.size : name_end], directory[name_end:][:extra_length]
        at = name_end + extra_length + comment_length
        usual = (
            mark == b"PK\x01\x02" and not volume and version <= NEWEST and not flags & ~PLAIN_FLAGS
        )
        whole = at <= size and ABSENT not in (packed, unpacked, position) and b"\0" not in raw
        if not (usual and whole and (raw.isascii() or flags & UTF8) and is_plain_extra(extra)):
            return None
        try:
            name = raw.decode()
        except UnicodeDecodeError:
            return None
        if not name.endswith("/"):
            members.append(Member(name, position, packed, unpacked, crc, method, flags))
    return members if at == size else None


def is_plain_extra(extra: bytes) -> bool:
    """Whether an entry's extra fields are whole and none of them holds sizes over 4 GB."""
    while extra:
        if len(extra) < 4:
            return False
        kind, length = struct.unpack_from("<HH", extra)
        if kind == ZIP64 or length + 4 > len(extra):
            return False
        extra = extra[length + 4 :]
    return True
