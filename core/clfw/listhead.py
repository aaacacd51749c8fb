"""The first lines of a CSV or TSV list, to tell what kind it is. Nothing is refused here."""

from itertools import islice

from clfw.csvfile import delimiter_of, encoding_of, records
from clfw.errors import DataError
from clfw.filetree import FileTree, is_stray

SIZE = 1 << 20  # bytes looked at
SUFFIXES = (".csv", ".tsv")


def is_list(name: str) -> bool:
    """Whether a file's name is that of a list."""
    return name.lower().endswith(SUFFIXES) and not is_stray(name)


def top_rows(tree: FileTree, name: str, count: int) -> list[list[str]]:
    """The header and `count` rows, or as many as there are, each value without spaces around it."""
    data = tree.head(name, SIZE)
    text = data.decode(encoding_of(data), errors="replace").lstrip("\ufeff")
    if len(data) == SIZE:
        text = text[: max(text.rfind("\n"), text.rfind("\r"))]  # the last line may be cut
    rows = records(text, delimiter_of(text), name)
    try:
        return [[value.strip() for value in values] for _, values in islice(rows, count + 1)]
    except DataError:  # the reader names it with its place
        return []
