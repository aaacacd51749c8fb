"""What a look at data finds: words for people, rows for programs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from clfw.api.source import Table
from clfw.text import escape

Level = Literal["stops", "corrupts", "notable"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing found.

    Attributes:
        kind: the word that programs know it by, as "leak".
        level: "stops" where a training would end with an error, "corrupts" where it would learn or be
            measured on something else than meant, "notable" for the rest.
        summary: one sentence, with the number of pictures or names.
        rows: numbers of the rows meant.
        details: a line an example, or a line a row.
        remedy: one action that mends it, where that is no matter of course.
    """

    kind: str
    level: Level
    summary: str
    rows: tuple[int, ...] = ()
    details: tuple[str, ...] = ()
    remedy: str = ""

    def to_json(self, table: Table | None) -> dict[str, Any]:
        """Plain values, each row with its names."""
        rows = [row_json(table, row) for row in self.rows] if table else []
        return {
            "kind": self.kind,
            "level": self.level,
            "summary": self.summary,
            "rows": rows,
            "details": list(self.details),
            "remedy": self.remedy,
        }


def row_json(table: Table, row: int) -> dict[str, Any]:
    """What names a row."""
    columns = {
        "key": table.keys,
        "split": table.splits,
        "label": table.labels,
        "place": table.locations,
    }
    return {name: column[row] for name, column in columns.items()}


def named(table: Table, row: int, label: str | None = None) -> str:
    """A row for people: where it was declared and its key, and its label where that matters."""
    key, place = escape(table.keys[row], 80), escape(table.locations[row], 80)
    folder = table.keys[row].rpartition("/")[0]
    found = key if folder and table.locations[row].endswith(folder) else f"{place} '{key}'"
    return found if label is None else f"{found} ({escape(label, 30)})"


def listed(names: Sequence[str], most: int = 12) -> str:
    """Names with commas between, at most so many."""
    shown = [f"'{escape(name, 30)}'" for name in names[:most]]
    more = [f"and {len(names) - most:,} more"] if len(names) > most else []
    return ", ".join([*shown, *more])
