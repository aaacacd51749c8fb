"""JSON and CSV files, written atomically, and lines appended to a file."""

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from clfw.errors import DataError, StorageError
from clfw.io.json_text import strict_json
from clfw.io.storage import append, write_atomically
from clfw.text import escape


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON atomically; a byte of a name that is not text is written as `\\xff`."""
    text = json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False)
    text = re.sub("[\ud800-\udfff]", lambda half: rf"\\x{ord(half[0]) & 255:02x}", text)
    write_atomically(path, f"{text}\n".encode())


def append_lines(path: Path, lines: Iterable[str]) -> None:
    """Append lines to a file that grows with the run."""
    append(path, "".join(f"{line}\n" for line in lines).encode())


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file atomically."""
    write_atomically(path, csv_bytes(header, rows))


def csv_bytes(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A CSV file as bytes; names that are not UTF-8 keep their bytes."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode("utf-8", errors="surrogateescape")


def read_json(path: Path) -> Any:
    """The value in a JSON file, read strictly; `DataError` if it is damaged."""
    try:
        return strict_json(path.read_bytes())
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: damaged: {escape(str(error))}") from None
