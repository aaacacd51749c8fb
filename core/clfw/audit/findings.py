"""What an audit of a dataset finds: sentences for people, rows for programs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from clfw.api.source import Table
from clfw.text import escape

Level = Literal["error", "warning", "info"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing found.

    Attributes:
        kind: the identifier for programs, such as "leak".
        level: "error" if training would stop with an error, "warning" if it would learn from, or be
            measured on, something unintended, "info" for the rest.
        summary: one sentence, with the number of pictures or names.
        rows: the rows concerned.
        details: one line per example or row.
        remedy: one action that fixes it, unless that is obvious.
    """

    kind: str
    level: Level
    summary: str
    rows: tuple[int, ...] = ()
    details: tuple[str, ...] = ()
    remedy: str = ""

    def to_json(self, table: Table | None) -> dict[str, Any]:
        """Plain values; each row with its key, split, label and place."""
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
    """What identifies a row."""
    columns = {
        "key": table.keys,
        "split": table.splits,
        "label": table.labels,
        "place": table.locations,
    }
    return {name: column[row] for name, column in columns.items()}


def describe_row(table: Table, row: int, label: str | None = None) -> str:
    """A row for people: where it was declared, its key, and `label` if given."""
    key, place = escape(table.keys[row], 80), escape(table.locations[row], 80)
    folder = table.keys[row].rpartition("/")[0]
    found = key if folder and table.locations[row].endswith(folder) else f"{place} '{key}'"
    return found if label is None else f"{found} ({escape(label, 30)})"


def quoted_list(names: Sequence[str], most: int = 12) -> str:
    """The first `most` names, quoted, with commas, and how many more."""
    shown = [f"'{escape(name, 30)}'" for name in names[:most]]
    more = [f"and {len(names) - most:,} more"] if len(names) > most else []
    return ", ".join([*shown, *more])
