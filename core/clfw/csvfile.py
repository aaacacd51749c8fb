"""Reads CSV and TSV files strictly: each fault is an error with file, line and column."""

import csv
import io
from dataclasses import dataclass

from clfw.errors import DataError, printable

DELIMITERS = ",;\t"
MAX_FIELD = 1 << 20  # characters


@dataclass(frozen=True, slots=True)
class CsvRow:
    """One row: its line in the file (from 1) and its values by column name."""

    line: int
    values: dict[str, str]


def read_csv(data: bytes, name: str) -> list[CsvRow]:
    """All rows of a UTF-8 CSV or TSV file with a header line.

    The delimiter is the one of comma, semicolon and tab that splits the header most. Blank lines
    are passed over; spaces around values are stripped.

    Raises:
        DataError: encoding, quoting, a row of another length, a repeated or empty column name.
    """
    if not data.strip():
        raise DataError(f"{name}: the file is empty")
    text = decoded(data, name)
    header = text.partition("\n")[0]
    delimiter = max(DELIMITERS, key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    csv.field_size_limit(MAX_FIELD)
    rows: list[CsvRow] = []
    columns: list[str] | None = None
    try:
        for fields in reader:
            if not fields or (len(fields) == 1 and not fields[0].strip()):
                continue
            values = [field.strip() for field in fields]
            if columns is None:
                columns = checked_columns(values, name)
            elif len(values) != len(columns):
                raise DataError(
                    f"{name}:{reader.line_num}: {len(values)} values, and there are "
                    f"{len(columns)} columns",
                    hint="quote values that hold the delimiter",
                )
            else:
                row = dict(zip(columns, values, strict=True))
                rows.append(CsvRow(reader.line_num, row))
    except csv.Error as error:
        raise DataError(f"{name}:{reader.line_num}: {error}") from None
    return rows


def decoded(data: bytes, name: str) -> str:
    """`data` as text; a byte-order mark is dropped, other encodings are named with the place."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError(f"{name}: is UTF-16", hint="save it as UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{name}:{line}: byte {data[error.start]:#04x} is not UTF-8", hint="save it as UTF-8"
        ) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise DataError(f"{name}:{line}: holds a NUL character")
    return text


def checked_columns(columns: list[str], name: str) -> list[str]:
    """The header, refusing empty and repeated names."""
    for number, column in enumerate(columns, 1):
        if not column:
            raise DataError(f"{name}:1: column {number} has no name")
        if columns.index(column) != number - 1:
            raise DataError(f"{name}:1: column '{printable(column)}' stands twice")
    return columns
