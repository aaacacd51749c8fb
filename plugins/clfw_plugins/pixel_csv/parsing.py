"""Turns CSV text of many small numbers into uint8 arrays: fast where it is plain, strict everywhere.

The fast way takes the file through NumPy piece by piece. A piece that it cannot read goes the strict
way, value by value, which either understands it (quotes, blank lines) or names file, line and column.
"""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from clfw import DataError
from clfw.api import bullet_list, checked_columns, delimiter_of, escape, records, wrong_length

LINE_END = re.compile(rb"\r\n|\r|\n")
BLANK_LINES = re.compile(rb"(?:[ \t]*(?:\r\n|\r|\n))*")
PIECE = 4 << 20  # bytes taken at a time: little enough to read again value by value


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    """The first line.

    Attributes:
        columns: their names.
        line: the line it stands on, from 1.
        end: where the rows begin, in bytes.
    """

    columns: list[str]
    delimiter: str
    line: int
    end: int


@dataclass(kw_only=True, slots=True)
class PixelRows:
    """The rows of a file.

    Attributes:
        pixels: (N, P) uint8.
        texts: for each text column asked for, its N values.
        lines: the line of each row, from 1.
    """

    pixels: NDArray[np.uint8]
    texts: list[list[str]]
    lines: list[int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """What to take from each row, and what has gone wrong so far.

    Attributes:
        pixels: numbers of the pixel columns, in the order of the pixels.
        texts: numbers of the columns wanted as text.
    """

    name: str
    header: Header
    pixels: Sequence[int]
    texts: Sequence[int]
    faults: list[str] = field(default_factory=list)


def read_header(data: bytes, name: str) -> Header:
    """Column names and delimiter of UTF-8 text.

    Raises:
        DataError: repeated or missing names, no header at all.
    """
    start = next(BLANK_LINES.finditer(data)).end()  # the first match begins the text, if empty
    ends = [end for end in (data.find(b"\n", start), data.find(b"\r", start)) if end >= 0]
    end = min(ends, default=len(data))
    text = data[start:end].decode()
    line = 1 + len(LINE_END.findall(data, 0, start))
    delimiter = delimiter_of(text)
    _, fields = next(records(text, delimiter, name, line))
    columns = [column.strip() for column in fields]
    repeated = len(set(columns)) < len(columns)
    if repeated and all(column.replace(".", "").isdecimal() for column in columns):
        raise DataError(
            f"{name}:{line}: the first line holds numbers, not the names of columns",
            hint="add a first line as in label,pixel0,pixel1 and so on",
        )
    end += 2 if data[end : end + 2] == b"\r\n" else 1
    columns = checked_columns(columns, name, line)
    return Header(columns=columns, delimiter=delimiter, line=line, end=end)


def read_rows(data: bytes, layout: Layout) -> PixelRows:
    """Every row.

    Raises:
        DataError: all rows with a bad value or another number of values, or none at all.
    """
    body = data[layout.header.end :].rstrip(b"\r\n") + b"\n"
    plain = b'"' not in body  # a quoted line end would fall between two pieces
    pieces, start, line = [], 0, layout.header.line + 1
    while start < len(body):
        end = body.find(b"\n", start + PIECE) + 1 if plain else 0
        end = end or len(body)
        part = body[start:end]
        piece = fast_rows(part, line, layout) if plain else None
        pieces.append(piece or strict_rows(part, line, layout))
        line += part.count(b"\n") + part.count(b"\r") - part.count(b"\r\n")
        start = end
    if layout.faults:
        raise DataError(
            bullet_list("rows that cannot be used", layout.faults),
            hint="pixels are whole numbers from 0 to 255, one a column",
        )
    lines = [number for piece in pieces for number in piece.lines]
    if not lines:
        raise DataError(f"{layout.name}:{layout.header.line}: a header and no rows")
    columns = range(len(layout.texts))
    return PixelRows(
        pixels=np.concatenate([piece.pixels for piece in pieces]),
        texts=[[text for piece in pieces for text in piece.texts[c]] for c in columns],
        lines=lines,
    )


def fast_rows(data: bytes, line: int, layout: Layout) -> PixelRows | None:
    """The rows of some whole lines, or None where not every line is plain."""
    delimiter = layout.header.delimiter.encode()
    columns, whole = len(layout.header.columns), data.removesuffix(b"\n").split(b"\n")
    if any(text.count(delimiter) != columns - 1 for text in whole):
        return None
    try:
        # NumPy would let rows of other lengths pass here; they are counted above.
        pixels = np.loadtxt(
            io.BytesIO(data),
            np.uint8,
            delimiter=layout.header.delimiter,
            comments=None,
            usecols=layout.pixels,
            ndmin=2,
            encoding="utf-8",
        )
    except ValueError:
        return None
    if len(pixels) != len(whole):
        return None
    texts = [
        [text.split(delimiter, column + 1)[column].decode().strip() for text in whole]
        for column in layout.texts
    ]
    return PixelRows(pixels=pixels, texts=texts, lines=list(range(line, line + len(whole))))


def strict_rows(data: bytes, line: int, layout: Layout) -> PixelRows:
    """The rows of `data`, value by value; faults go to the layout."""
    rows: list[bytes] = []
    lines: list[int] = []
    texts: list[list[str]] = [[] for _ in layout.texts]
    header = layout.header
    text, width = data.decode(), len(header.columns)
    try:
        for here, fields in records(text, header.delimiter, layout.name, line, width):
            fault, pixels = row_values(fields, layout)
            if fault:
                layout.faults.append(f"{layout.name}:{here} {fault}")
                continue
            rows.append(pixels)
            lines.append(here)
            for column, found in zip(layout.texts, texts, strict=True):
                found.append(fields[column].strip())
    except DataError as error:
        if not layout.faults:
            raise
        layout.faults.append(error.message)
    table = np.frombuffer(b"".join(rows), np.uint8).reshape(len(rows), len(layout.pixels))
    return PixelRows(pixels=table, texts=texts, lines=lines)


def row_values(fields: list[str], layout: Layout) -> tuple[str, bytes]:
    """What is wrong with a row, or "", and its pixels."""
    columns = layout.header.columns
    if len(fields) != len(columns):
        return wrong_length(len(fields), columns), b""
    values = bytearray()
    for column in layout.pixels:
        text = fields[column].strip()
        short = text.removeprefix("+").lstrip("0") or text[-1:]
        if not (short.isascii() and short.isdecimal() and len(short) <= 3 and int(short) <= 255):
            shown, place = escape(text, 40), escape(columns[column], 40)
            return f"(column {place}): '{shown}' is not a whole number from 0 to 255", b""
        values.append(int(short))
    return "", bytes(values)
