"""The first lines of a CSV or TSV list, to tell what kind it is. Nothing is refused here."""

import csv
import io
from itertools import islice

from clfw.csvfile import DELIMITERS
from clfw.filetree import FileTree, is_stray

SIZE = 1 << 20  # bytes looked at
SUFFIXES = (".csv", ".tsv")


def is_list(name: str) -> bool:
    """Whether a file's name is that of a list."""
    return name.lower().endswith(SUFFIXES) and not is_stray(name)


def top_rows(tree: FileTree, name: str, count: int) -> list[list[str]]:
    """The header and `count` rows, or as many as there are, each value without spaces around it."""
    data = tree.head(name, SIZE)
    text = data.decode("utf-8-sig", errors="replace")
    if len(data) == SIZE:
        text = text.rpartition("\n")[0]  # the last line may be cut
    delimiter = max(DELIMITERS, key=text.lstrip().partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows = ([field.strip() for field in fields] for fields in reader if any(fields))
    try:
        return list(islice(rows, count + 1))
    except csv.Error:  # the reader names it with its line
        return []
