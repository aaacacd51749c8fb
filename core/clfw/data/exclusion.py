"""Exclude lists: CSV files of rows to leave out of a dataset, by key."""

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from clfw.api.source import SPLITS, Table
from clfw.errors import DataError, InputMissing, OutputError
from clfw.io.csv_file import read_csv
from clfw.io.text_files import write_csv
from clfw.text import bullet_list, escape

COLUMNS = ("key", "split", "reason")
ExcludeLine = tuple[str, str, str]  # key, split as the data declares it or "", reason


def excluded_rows(path: Path, table: Table) -> dict[int, str]:
    """The reason for each row of `table` that the list at `path` names.

    Only the column `key` is required. Without a split, the key must be unique in the table.

    Raises:
        InputMissing: no such list. DataError: a line that names no row of the table, or several.
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
            bullet_list("lines of the exclude list that match no single row", faults),
            hint="fix or remove these lines; a column 'split' tells equal keys apart",
        )
    return found


def read_lines(path: Path) -> list[tuple[int, ExcludeLine]]:
    """The lines of an exclude list, each with its line number."""
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
        f"{path}:{line.line} (column split): '{escape(line.values['split'])}' is not a split"
        for line in lines
        if line.values.get("split", "") not in ("", *SPLITS)
    ]
    if faults:
        raise DataError(bullet_list("unknown splits", faults), hint=f"known: {', '.join(SPLITS)}")
    return [
        (
            line.line,
            (line.values["key"], line.values.get("split", ""), line.values.get("reason", "")),
        )
        for line in lines
    ]


def exclude_lines(table: Table, excluded: Mapping[int, str]) -> list[ExcludeLine]:
    """The lines for these rows, in table order."""
    return [(table.keys[row], table.splits[row], excluded[row]) for row in sorted(excluded)]


def require_new(path: Path) -> None:
    """Raise `OutputError` unless a new list can be written at `path`; nothing is overwritten."""
    hint = "choose another file with --write-exclude"
    if os.path.lexists(path):
        raise OutputError(f"{path}: already exists, and is not overwritten", hint=hint)
    if not path.parent.is_dir():
        raise OutputError(f"{path}: no folder {path.parent}", hint=hint)


def write_list(path: Path, lines: Iterable[ExcludeLine]) -> None:
    """Write an exclude list atomically."""
    write_csv(path, COLUMNS, lines)
