"""The plain directory of a zip is read as `zipfile` reads it, or left to `zipfile`."""

import io
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from clfw.io.zip_directory import END, END64, ENTRY, LOCATOR, Member, members_of, plain_members

NAMES = ("a/1.png", "a/", "b.csv", "é/ü.png", "empty", "a/long name with spaces.jpeg")


def archive(comment: bytes = b"", extra: bytes = b"") -> bytes:
    """A zip of a few files and a folder, stored and deflated."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as file:
        for number, name in enumerate(NAMES):
            info = zipfile.ZipInfo(name)
            info.compress_type = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)[number % 2]
            info.extra = extra
            data = b"" if name == "empty" or name.endswith("/") else bytes([number]) * 300
            file.writestr(info, data)
        file.comment = comment
    return target.getvalue()


def by_zipfile(data: bytes) -> list[Member]:
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return [
            Member(*(getattr(info, name) for name in Member._fields))
            for info in file.infolist()
            if not info.is_dir()
        ]


@pytest.mark.parametrize("extra", [b"", b"UT\x05\x00\x03abcd"])
def test_a_plain_directory_is_read_as_zipfile_reads_it(extra: bytes) -> None:
    data = archive(extra=extra)
    found = plain_members(data)
    assert found == by_zipfile(data)
    assert [member.filename for member in found or []] == [n for n in NAMES if n[-1] != "/"]


@pytest.mark.parametrize(
    "data",
    [
        archive(comment=b"made by hand"),
        archive(extra=b"\x01\x00\x08\x00" + bytes(8)),  # the field of sizes over 4 GB
        b"before" + archive(),
        archive() + b"behind",
        b"",
        b"PK\x05\x06",
    ],
)
def test_an_unusual_directory_is_left_to_zipfile(data: bytes, tmp_path: Path) -> None:
    assert plain_members(data) is None
    path = tmp_path / "set.zip"
    path.write_bytes(data)
    try:
        expected = by_zipfile(data)
    except Exception as error:
        with pytest.raises((type(error), ValueError)):
            members_of(path)
    else:
        assert members_of(path) == expected


def many(data: bytes) -> bytes:
    """`data` with the end records that zips of more than 65,534 files have."""
    end = len(data) - END.size
    _, _, _, _, count, size, offset, _ = END.unpack(data[end:])
    record = END64.pack(b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, offset)
    locator = LOCATOR.pack(b"PK\x06\x07", 0, end, 1)
    last = END.pack(b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return data[:end] + record + locator + last


def test_the_directory_of_very_many_files_is_plain_too() -> None:
    data = many(archive())
    assert plain_members(data) == by_zipfile(data) == by_zipfile(archive())


@pytest.mark.parametrize("form", [bytes, many])
def test_a_changed_directory_is_never_read_otherwise_than_by_zipfile(
    form: Callable[[bytes], bytes],
) -> None:
    whole = form(archive(extra=b"UT\x05\x00\x03abcd"))
    start = whole.index(b"PK\x01\x02")
    draw = random.Random(0)
    plain = 0
    for _ in range(2000):
        data = bytearray(whole)
        for _ in range(draw.randint(1, 3)):
            data[draw.randrange(start, len(data))] = draw.choice([0, 1, 8, 46, 0x50, 0x80, 255])
        if draw.random() < 0.1:
            del data[draw.randrange(start, len(data)) :][: draw.randint(1, ENTRY.size)]
        found = plain_members(bytes(data))
        if found is not None:
            plain += 1
            assert found == by_zipfile(bytes(data))
    assert 100 < plain < 1900
