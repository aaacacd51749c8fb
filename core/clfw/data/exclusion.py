"""Exclude lists: the rows of a dataset that are to be left out, by key, in a CSV file."""

import csv
import io
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from clfw.api.source import SPLITS, Table
from clfw.errors import DataError, InputMissing, OutputError
from clfw.io.csv_file import read_csv
from clfw.io.storage import write_atomically
from clfw.text import bullet_list, escape

COLUMNS = ("key", "split", "reason")
Line = tuple[str, str, str]  # key, split as the data declares it or "", reason


def excluded_rows(path: Path, table: Table) -> dict[int, str]:
    """The reason of every row of `table` that the list at `path` names.

    Only the column `key` must be there. Without a split, the key must be that of one row alone.

    Raises:
        InputMissing, DataError: no such list, or a line of it that names no row of the table.
    """
    rows: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row, (key, split) in enumerate(zip(table.keys, table.splits, strict=True)):
        rows[key.strip(), split].append(row)  # stripped, as a CSV file's values are
        rows[key.strip(), ""].append(row)
    found: dict[int, str] = {}
    faults = []
    for line, (key, split, reason) in read_lines(path):
        named = rows.get((key, split), [])
        if len(named) == 1:
            found[named[0]] = reason
        else:
            where = f"{path}:{line} (column key): '{escape(key)}'"
            of_split = f" of the {escape(split)} split" if split else ""
            many = f"is the key of {len(named)} rows{of_split}" if named else "is the key of no row"
            faults.append(f"{where} {many}{'' if named else of_split}")
    if faults:
        raise DataError(
            bullet_list("lines of the exclude list that name no row", faults),
            hint="mend or remove these lines; a column 'split' tells equal keys apart",
        )
    return found


def read_lines(path: Path) -> list[tuple[int, Line]]:
    """The lines of an exclude list, each with its number."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputMissing(
            f"data.exclude: '{escape(str(path))}' cannot be read: {error.strerror}",
            hint="clfw data check NAME --write-exclude FILE writes such a list",
        ) from None
    lines = read_csv(data, str(path))
    columns = list(lines[0].values) if lines else list(COLUMNS)
    if "key" not in columns:
        raise DataError(
            f"{path}:1: no column 'key'; the columns are "
            f"{', '.join(escape(column, 30) for column in columns[:12])}",
            hint=f"an exclude list has the columns {', '.join(COLUMNS)}",
        )
    faults = [
        f"{path}:{line.line} (column split): '{escape(line.values['split'])}' is no split"
        for line in lines
        if line.values.get("split", "") not in ("", *SPLITS)
    ]
    if faults:
        raise DataError(bullet_list("splits unknown", faults), hint=f"known: {', '.join(SPLITS)}")
    return [
        (
            line.line,
            (line.values["key"], line.values.get("split", ""), line.values.get("reason", "")),
        )
        for line in lines
    ]


def list_of(table: Table, excluded: Mapping[int, str]) -> list[Line]:
    """The lines that name these rows, in the table's order."""
    return [(table.keys[row], table.splits[row], excluded[row]) for row in sorted(excluded)]


def require_new(path: Path) -> None:
    """Raise `OutputError` unless a list can be made at `path`; nothing is overwritten."""
    hint = "name another file with --write-exclude"
    if os.path.lexists(path):
        raise OutputError(f"{path}: is there already, and is not overwritten", hint=hint)
    if not path.parent.is_dir():
        raise OutputError(f"{path}: there is no folder {path.parent}", hint=hint)


def write_list(path: Path, lines: Iterable[Line]) -> None:
    """An exclude list, whole or not at all."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *lines])
    write_atomically(path, text.getvalue().encode("utf-8", errors="surrogateescape"))
