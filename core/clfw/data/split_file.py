"""`split.csv` of a run folder: which split each row is in."""

import csv
import io
from itertools import zip_longest
from pathlib import Path

from clfw.api.source import SPLITS
from clfw.data.rows import LEFT_OUT, Rows
from clfw.errors import DataError
from clfw.io.storage import write_atomically
from clfw.io.text_files import csv_bytes
from clfw.text import escape

NAME = "split.csv"
HEADER = ("key", "split")
QUOTED = ',"\r\n'  # a key without these needs no quotes in a CSV file
Pair = tuple[str, str]  # key, split


def write_split(folder: Path, rows: Rows) -> None:
    """Write `split.csv` into a run folder."""
    write_atomically(folder / NAME, split_csv(rows))


def split_csv(rows: Rows) -> bytes:
    """The bytes of `split.csv`: key and split of every row that is in one."""
    text = "".join(rows.table.keys)
    if any(character in text for character in QUOTED):
        return csv_bytes(HEADER, pairs_of(rows))
    ends = [f",{split}\n" for split in SPLITS]  # the same lines in a third of the time
    lines = [",".join(HEADER), "\n"]
    pairs = zip(rows.table.keys, rows.split.tolist(), strict=True)
    lines += [key + ends[split] for key, split in pairs if split != LEFT_OUT]
    return "".join(lines).encode("utf-8", "surrogateescape")


def pairs_of(rows: Rows) -> list[Pair]:
    """Key and split of every row that is in one."""
    pairs = zip(rows.table.keys, rows.split.tolist(), strict=True)
    return [(key, SPLITS[split]) for key, split in pairs if split != LEFT_OUT]


def read_split(folder: Path) -> list[Pair] | None:
    """The pairs of a run folder's `split.csv`; None if it is absent or unreadable."""
    try:
        text = (folder / NAME).read_bytes().decode(errors="surrogateescape")
        _, *lines = csv.reader(io.StringIO(text))
        return [(key, split) for key, split in lines]
    except (OSError, ValueError, csv.Error):
        return None


def require_same_split(folder: Path, rows: Rows) -> None:
    """Raise `DataError` if the file differs from these rows' split; an absent one is written again."""
    path = folder / NAME
    if not path.exists():
        write_split(folder, rows)
        return
    found, wanted = path.read_bytes(), split_csv(rows)
    if found == wanted:
        return
    lines = zip_longest(found.splitlines(), wanted.splitlines(), fillvalue=b"")
    number, (seen, right) = next(
        (number, pair) for number, pair in enumerate(lines, 1) if pair[0] != pair[1]
    )
    raise DataError(
        f"{path}: line {number}: is '{line_text(seen)}', but the data gives '{line_text(right)}'",
        hint=f"restore it, or delete it: clfw resume {folder} writes it again",
    )


def first_other_row(folder: Path, rows: Rows) -> str:
    """Which row is new or gone since the file was written; "" if none, or without a file."""
    recorded = read_split(folder)
    if recorded is None:
        return ""
    then, now = {key for key, _ in recorded}, [key for key, _ in pairs_of(rows)]
    if new := next((key for key in now if key not in then), ""):
        return f"row '{escape(new, 60)}' is new"
    gone = min(then.difference(now), default="")
    return f"row '{escape(gone, 60)}' is gone" if gone else ""


def line_text(line: bytes) -> str:
    """A line of the file, for a message."""
    return escape(line.decode(errors="replace"), 60)
