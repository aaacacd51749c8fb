"""What happens to picture files: operators that say what must come of each."""

import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

from encoded import chunks_of, png_of
from picture_kinds import Kind


@dataclass(frozen=True)
class Mutation:
    """A changed file.

    Attributes:
        wants: "same" pixels, a fault "named", or "either" of them.
        may_differ: whether other pixels are no fault, because nothing in the file could tell.
    """

    data: bytes
    wants: str = "either"
    may_differ: bool = False


Operator = Callable[[Kind, Random, Mapping[str, Kind]], Mutation]
OPERATORS: dict[str, Operator] = {}
UNCHECKED = frozenset({"JPEG", "BMP", "WEBP"})  # forms without a checksum; a PNG has one a part


def entered(operator: Operator) -> Operator:
    """Enters an operator under its own name."""
    OPERATORS[operator.__name__.replace("_", " ")] = operator
    return operator


def damaged(kind: Kind, data: bytes | bytearray) -> Mutation:
    """Random damage: other pixels only where the form has no checksum."""
    return Mutation(bytes(data), may_differ=kind.form in UNCHECKED)


@entered
def bit_turned(kind: Kind, draw: Random, kinds: Mapping[str, Kind]) -> Mutation:
    data = bytearray(kind.data)
    data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    return damaged(kind, data)


@entered
def bytes_changed(kind: Kind, draw: Random, kinds: Mapping[str, Kind]) -> Mutation:
    data = bytearray(kind.data)
    for _ in range(draw.choice((1, 2, 3, 10))):
        data[draw.randrange(len(data))] = draw.choice((0, 1, 0x7F, 0x80, 0xFF, draw.randrange(256)))
    return damaged(kind, data)


@entered
def header_bytes_changed(kind: Kind, draw: Random, kinds: Mapping[str, Kind]) -> Mutation:
    data = bytearray(kind.data)
    for _ in range(draw.choice((1, 2, 4))):
        data[draw.randrange(min(64, len(data)))] = draw.randrange(256)
    return damaged(kind, data)


@entered
def bytes_inserted(kind: Kind, draw: Random, kinds: Mapping[str, Kind]) -> Mutation:
    at = draw.randrange(len(kind.data) + 1)
    more = draw.randbytes(draw.choice((1, 1, 2, 17, 300)))
    return damaged(kind, kind.data[:at] + more + kind.data[at:])


@entered
def bytes_removed(kind: Kind, draw: Random, kinds: Mapping[str, Kind]) -> Mutation:
    at = draw.randrange(len(kind.data))
    return damaged(kind, kind.data[:at] + kind.data[at + draw.choice((1, 1, 2, 17)) :])


@entered
def block_of_zeros(kind: Kind, draw: Random, kinds: Mapping[str, Kind]) -> Mutation:
    at = draw.randrange(len(kind.data))
    size = min(draw.choice((4, 16, 64, 512)), len(kind.data) - at)
    return damaged(kind, kind.data[:at] + bytes(size) + kind.data[at + size :])


@entered
def piece_repeated(kind: Kind, draw: Random, kinds: Mapping[str, Kind]) -> Mutation:
    first, last = sorted(draw.randrange(len(kind.data) + 1) for _ in range(2))
    return damaged(kind, kind.data[:last] + kind.data[first:])


@entered
def piece_of_another(kind: Kind, draw: Random, kinds: Mapping[str, Kind]) -> Mutation:
    other = draw.choice(list(kinds.values())).data
    return damaged(
        kind, kind.data[: draw.randrange(1, len(kind.data))] + other[draw.randrange(len(other)) :]
    )


@entered
def cut_off(kind: Kind, draw: Random, kinds: Mapping[str, Kind]) -> Mutation:
    """A cut is always seen, in every form."""
    return Mutation(kind.data[: draw.randrange(len(kind.data))])


@entered
def cut_off_near_the_end(kind: Kind, draw: Random, kinds: Mapping[str, Kind]) -> Mutation:
    return Mutation(kind.data[: len(kind.data) - draw.randrange(1, min(40, len(kind.data)))])


@entered
def end_filled_with_zeros(kind: Kind, draw: Random, kinds: Mapping[str, Kind]) -> Mutation:
    at = draw.randrange(len(kind.data))
    return damaged(kind, kind.data[:at] + bytes(len(kind.data) - at))


@entered
def something_appended(kind: Kind, draw: Random, kinds: Mapping[str, Kind]) -> Mutation:
    return Mutation(kind.data + draw.randbytes(draw.choice((1, 2, 50, 5000))))


@entered
def zeros_appended(kind: Kind, draw: Random, kinds: Mapping[str, Kind]) -> Mutation:
    return Mutation(kind.data + bytes(draw.choice((1, 2, 512, 4096))))


@entered
def picture_appended(kind: Kind, draw: Random, kinds: Mapping[str, Kind]) -> Mutation:
    return Mutation(kind.data + draw.choice(list(kinds.values())).data)


@entered
def something_in_front(kind: Kind, draw: Random, kinds: Mapping[str, Kind]) -> Mutation:
    return Mutation(draw.choice((b"\n", b"\r\n\r\n", b"\xef\xbb\xbf", bytes(16))) + kind.data)


@entered
def line_ends_translated(kind: Kind, draw: Random, kinds: Mapping[str, Kind]) -> Mutation:
    """What a transfer as text does."""
    old, new = draw.choice(((b"\r\n", b"\n"), (b"\n", b"\r\n"), (b"\r", b"\n")))
    return damaged(kind, kind.data.replace(old, new))


@entered
def read_as_text(kind: Kind, draw: Random, kinds: Mapping[str, Kind]) -> Mutation:
    """Decoded as one encoding and written as UTF-8."""
    encoding = draw.choice(("latin-1", "utf-8"))
    return damaged(kind, kind.data.decode(encoding, errors="replace").encode())


DISGUISES = (
    b"", b" \n", b"<!DOCTYPE html><html>404</html>", b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    b"version https://git-lfs.github.com/spec/v1\noid sha256:x", b"%PDF-1.7\n%x", b"PK\3\4" + bytes(40),
    b"\x80\x04\x95pickle.", b"GIF89a" + bytes(30), b"II*\0" + bytes(30), b"MM\0*" + bytes(30),
    b"id,label\n1,a\n", b'{"error": "not found"}', b"\x1f\x8b\x08" + bytes(20), bytes(1000),
    b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"\xff\xd8\xff\xe0\0\x10JFIF\0", b"BM", b"RIFF\x24\0\0\0WEBP",
    b"RIFF\x24\0\0\0WEBPVP8 ", b"\0\0\1\0", b"8BPS", b"\x00\x00\x00\x20ftypheic", b"P6 2 2 255 " + bytes(12),
)  # fmt: skip


@entered
def no_picture_at_all(kind: Kind, draw: Random, kinds: Mapping[str, Kind]) -> Mutation:
    return Mutation(draw.choice(DISGUISES), wants="named")


SIZES = (0, 1, 2, 5, 255, 256, 4095, 7072, 30_000, 60_000, 65_535, 2**31 - 1, 2**31, 2**32 - 1)


@entered
def forged_size(kind: Kind, draw: Random, kinds: Mapping[str, Kind]) -> Mutation:
    """Another size in the header, under a right checksum where there is one: who forges it wants it."""
    width, height = draw.choice(SIZES), draw.choice(SIZES)
    data = bytearray(kind.data)
    if kind.form == "PNG":
        header, *rest = chunks_of(kind.data)
        sizes = struct.unpack(">II", header[1][:8])
        new = draw.choice(((width, sizes[1]), (sizes[0], height), (width, height)))
        data = bytearray(png_of([(b"IHDR", struct.pack(">II", *new) + header[1][8:]), *rest]))
    elif kind.form == "JPEG":
        frame = next(at for m in (0xC0, 0xC1, 0xC2) if (at := kind.data.find(bytes([255, m]))) > 0)
        data[frame + 5 : frame + 9] = struct.pack(">HH", height & 0xFFFF, width & 0xFFFF)
    elif kind.form == "BMP":
        sign = draw.choice((1, -1))
        data[18:26] = struct.pack("<ii", (width + 2**31) % 2**32 - 2**31, sign * (height % 2**31))
    else:
        at = next(at for c in (b"VP8X", b"VP8L", b"VP8 ") if (at := kind.data.find(c)) > 0)
        data[at + 9 : at + 18] = draw.randbytes(9)
    return Mutation(bytes(data), may_differ=True)


@entered
def forged_part(kind: Kind, draw: Random, kinds: Mapping[str, Kind]) -> Mutation:
    """A PNG with a part changed, removed, doubled or moved under right checksums; else random."""
    if kind.form != "PNG":
        return header_bytes_changed(kind, draw, kinds)
    chunks = chunks_of(kind.data)
    at = draw.randrange(len(chunks))
    name, body = chunks[at]
    way = draw.randrange(6)
    if way == 0:
        del chunks[at]
    elif way == 1:
        chunks.insert(draw.randrange(len(chunks) + 1), chunks[at])
    elif way == 2:
        draw.shuffle(chunks)
    elif way == 3 and body:
        changed = bytearray(body)
        changed[draw.randrange(len(body))] = draw.randrange(256)
        chunks[at] = (name, bytes(changed))
    elif way == 4:
        chunks[at] = (name, body[: draw.randrange(len(body) + 1)])
    else:
        names = (b"tEXt", b"zTXt", b"iTXt", b"iCCP", b"eXIf", b"tRNS", b"PLTE", b"acTL", b"fcTL")
        chunks.insert(1, (draw.choice(names), draw.randbytes(draw.choice((0, 1, 6, 26, 300)))))
    return Mutation(png_of(chunks), may_differ=True)


@entered
def forged_pixels(kind: Kind, draw: Random, kinds: Mapping[str, Kind]) -> Mutation:
    """A PNG whose packed pixels are too few, too many or broken under right checksums; else random."""
    if kind.form != "PNG":
        return bytes_changed(kind, draw, kinds)
    chunks = chunks_of(kind.data)
    lines = zlib.decompress(b"".join(body for name, body in chunks if name == b"IDAT"))
    way = draw.randrange(4)
    if way == 0:
        lines = lines[: draw.randrange(len(lines))]
    elif way == 1:
        lines += bytes(draw.choice((1, 100, 10**6)))
    packed = bytearray(zlib.compress(lines))
    if way == 2:
        packed = packed[: draw.randrange(len(packed))]
    elif way == 3:
        packed[draw.randrange(len(packed))] ^= 1 << draw.randrange(8)
    first = next(n for n, (name, _) in enumerate(chunks) if name == b"IDAT")
    rest = [chunk for chunk in chunks if chunk[0] != b"IDAT"]
    return Mutation(
        png_of([*rest[:first], (b"IDAT", bytes(packed)), *rest[first:]]), may_differ=True
    )
