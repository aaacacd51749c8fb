"""Reads CSV and TSV files strictly: each fault is an error with file, line and column."""

import codecs
import io
import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from clfw.errors import DataError
from clfw.io.file_tree import FileTree, is_stray
from clfw.text import bullet_list, escape

DELIMITERS = ",;\t"
MAX_FIELD = 1 << 20  # characters
_MARKS = (  # the longer ones first: the mark of UTF-32 starts with that of UTF-16
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_CLOSED = re.compile(r'"[^"]*"')
_QUOTED = re.compile(r'"[^"]*("|$)')
_LINE_END = re.compile(r"\r\n|\r|\n")


class CsvRow(NamedTuple):
    """One row: the line of the file on which it begins (from 1), its values by column name.

    Attributes:
        padded: the columns whose values have spaces around them.
    """

    line: int
    values: dict[str, str]
    padded: tuple[str, ...] = ()


def read_csv(data: bytes, name: str) -> list[CsvRow]:
    """All rows of a CSV or TSV file with a header line.

    The delimiter is whichever of comma, semicolon and tab occurs most often in the header. Blank
    lines are skipped; spaces around values are stripped.

    Raises:
        DataError: wrong encoding or quoting, rows of the wrong length, a repeated or empty column name.
    """
    text = decoded(data, name)
    rows: list[CsvRow] = []
    columns: list[str] = []
    faults = []
    try:
        for line, fields in records(text, delimiter_of(text), name):
            values = [field.strip() for field in fields]
            if not columns:
                columns = checked_columns(values, name, line)
            elif len(values) != len(columns):
                faults.append(f"{name}:{line} {wrong_length(len(values), columns)}")
            else:
                around = padded(columns, fields) if values != fields else ()
                rows.append(CsvRow(line, dict(zip(columns, values, strict=True)), around))
    except DataError as error:
        if not faults:
            raise
        faults.append(error.message)
    if faults:
        raise DataError(
            bullet_list("rows that do not match the header", faults),
            hint="quote values that contain the delimiter",
        )
    return rows


def padded(columns: list[str], fields: list[str]) -> tuple[str, ...]:
    """The columns whose values have spaces around them."""
    return tuple(c for c, field in zip(columns, fields, strict=True) if field != field.strip())


def decoded(data: bytes, name: str) -> str:
    """`data` as text; raises as `as_utf8` does."""
    return as_utf8(data, name).decode()


def as_utf8(data: bytes, name: str) -> bytes:
    """`data` in UTF-8 without byte-order marks; UTF-16 and UTF-32 are recognized by theirs.

    Raises:
        DataError: an empty file, bytes that do not decode, a NUL character.
    """
    encoding = encoding_of(data)
    if encoding != "UTF-8" or not data.isascii():
        try:
            data = data.decode(encoding).encode()
        except UnicodeDecodeError as error:
            before = data[: error.start].decode(encoding, errors="replace")
            place = place_of(before.lstrip("\ufeff"), len(before))
            wrong = f"byte {data[error.start]:#04x} is not {encoding}"
            raise DataError(f"{name}:{place}: {wrong}", hint="save it as UTF-8") from None
    while data.startswith(codecs.BOM_UTF8):
        data = data.removeprefix(codecs.BOM_UTF8)
    if not data or data.isspace():
        raise DataError(f"{name}:1: the file is empty")
    if b"\0" in data:
        text = data.decode()
        place = place_of(text, text.index("\0"))
        raise DataError(f"{name}:{place}: contains a NUL character", hint="save it as UTF-8 text")
    return data


def encoding_of(data: bytes) -> str:
    """The encoding by the byte-order mark of a file; UTF-8 without one."""
    return next((encoding for mark, encoding in _MARKS if data.startswith(mark)), "UTF-8")


def place_of(text: str, offset: int) -> str:
    """The line and column of a character, both from 1, as in "12 (column 3)"."""
    before = text[:offset]
    row = _LINE_END.split(_QUOTED.sub("", before))[-1]
    line = 1 + len(_LINE_END.findall(before))
    return f"{line} (column {row.count(delimiter_of(text)) + 1})"


def delimiter_of(text: str) -> str:
    """The most frequent delimiter of the first non-blank line, ignoring quoted values."""
    lines = io.StringIO(text, newline="")
    header = _QUOTED.sub("", next((line for line in lines if line.strip()), ""))
    return max(DELIMITERS, key=header.count)


def records(
    text: str, delimiter: str, name: str, line: int = 1, width: int = 0
) -> Iterator[tuple[int, list[str]]]:
    """Line number and raw values of each non-blank row.

    Args:
        line: line number of the start of `text`.
        width: number of columns; that of the first row if 0.

    Raises:
        DataError: an unclosed quote, a quote inside an unquoted value, a value that is too long.
    """
    lines = io.StringIO(text, newline="")
    for part in lines:
        first, parts = line, [part]
        odd = part.count('"') % 2
        while odd and (more := next(lines, "")):  # a quoted value continues on the next line
            parts.append(more)
            odd ^= more.count('"') % 2
        line += len(parts)
        values = split_row("".join(parts).rstrip("\r\n"), delimiter, name, first)
        if len(values) == 1 and not values[0].strip():
            continue
        width = width or len(values)
        if len(parts) > 1 and rows_swallowed(parts, delimiter, width):
            column = _QUOTED.sub("", parts[0]).count(delimiter) + 1
            raise DataError(
                f"{name}:{first} (column {column}): a quoted value runs on to line {line - 1}, "
                f"and each of those lines looks like a row",
                hint="close the quote, or write the value without line breaks",
            )
        yield first, values


def rows_swallowed(lines: list[str], delimiter: str, width: int) -> bool:
    """Whether every line of a multi-line row looks like a row itself, as after a stray quote."""
    opening = _CLOSED.sub("", lines[0])
    return all(line.count(delimiter) == width - 1 for line in (opening, *lines[1:]))


def split_row(row: str, delimiter: str, name: str, line: int) -> list[str]:
    """The unquoted values of a row that starts on `line`."""
    if '"' not in row and len(row) <= MAX_FIELD:
        return row.split(delimiter)
    blank, end = rf"[^\S{delimiter}]*", rf"(?={delimiter}|\Z)"
    value = re.compile(rf'{blank}"([^"]*(?:""[^"]*)*)"{blank}{end}|([^"{delimiter}]*){end}')
    values: list[str] = []
    at = 0

    def place() -> str:
        here = line + len(_LINE_END.findall(row, 0, at))
        return f"{name}:{here} (column {len(values) + 1})"

    while at <= len(row):
        found = value.match(row, at)
        if found is None:
            open_ = row.count('"', at) % 2 and row[at:].lstrip().startswith('"')
            raise DataError(
                f"{place()}: {'an unclosed quote' if open_ else 'a quote inside an unquoted value'}",
                hint="quote the value and double each quote inside it",
            )
        quoted, plain = found.groups()
        text = plain if quoted is None else quoted.replace('""', '"')
        if len(text) > MAX_FIELD:
            raise DataError(
                f"{place()}: a value of {len(text):,} characters, over the limit of {MAX_FIELD:,}"
            )
        values.append(text)
        at = found.end() + 1
    return values


def wrong_length(count: int, columns: list[str]) -> str:
    """The column where a row of `count` values stops fitting the header, and what is wrong."""
    column = escape(columns[count], 40) if count < len(columns) else len(columns) + 1
    return f"(column {column}): {count} values, expected {len(columns)}"


def checked_columns(columns: list[str], name: str, line: int) -> list[str]:
    """The header; raises `DataError` for an empty or repeated name."""
    for number, column in enumerate(columns, 1):
        if not column:
            raise DataError(
                f"{name}:{line}: column {number} has no name",
                hint="name the column, or write the file without it, as to_csv(index=False) does",
            )
        if columns.index(column) != number - 1:
            raise DataError(f"{name}:{line}: column '{escape(column)}' appears twice")
    return columns


HEAD_SIZE = 1 << 20  # bytes
LIST_SUFFIXES = (".csv", ".tsv")


def is_list(name: str) -> bool:
    """Whether a file name is that of a CSV or TSV file."""
    return name.lower().endswith(LIST_SUFFIXES) and not is_stray(name)


def read_head(tree: FileTree, name: str, count: int) -> list[list[str]]:
    """The header and up to `count` rows, values stripped; [] where they cannot be parsed."""
    data = tree.head(name, HEAD_SIZE)
    text = data.decode(encoding_of(data), errors="replace").lstrip("\ufeff")
    if len(data) == HEAD_SIZE:
        text = text[: max(text.rfind("\n"), text.rfind("\r"))]  # the last line may be cut
    rows = records(text, delimiter_of(text), name)
    try:
        return [[value.strip() for value in values] for _, values in islice(rows, count + 1)]
    except DataError:  # reported, with its place, when the whole file is read
        return []
