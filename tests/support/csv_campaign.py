"""The campaign of mutated CSV files: each means the same table or is refused with its place."""

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from clfw.errors import ClfwError
from csv_damage import BOTH, LISTS, PIXELS, RANDOM, Mutation
from csv_mutations import Operator
from sheets import FILE, Sheet, copied, drawn_sheet, lay_out_pictures, meant, read_sheet

PLACE = re.compile(rf"{re.escape(FILE)}:(\d+)(?: \(column (.+?)\))?:")
OUTSIDE = "id that leads outside"  # which a list that is read by itself may do
NO_COLUMN = re.compile("the file is empty|a header and no rows")  # of these, no column is at fault
OPERATORS: list[tuple[str, bool, Operator]] = [  # name, for pixels, function
    (name, pixels, operator)
    for kinds, pixels in (((BOTH, LISTS, RANDOM), False), ((BOTH, PIXELS, RANDOM), True))
    for kind in kinds
    for name, operator in kind.items()
]


@dataclass
class Outcomes:
    """How often each operator came to what, and what went wrong."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    @property
    def tried(self) -> int:
        return sum(self.counts.values())

    def never_hit(self) -> set[str]:
        """Operators without a case."""
        return {name for name, _, _ in OPERATORS} - {name for name, _ in self.counts}

    def summary(self) -> str:
        """Counts by operator and outcome."""
        kinds = sorted({kind for _, kind in self.counts})
        totals = [
            f"{sum(n for (_, k), n in self.counts.items() if k == kind)} {kind}" for kind in kinds
        ]
        lines = [
            f"  {name}: "
            + ", ".join(f"{self.counts[name, k]} {k}" for k in kinds if self.counts[name, k])
            for name in dict.fromkeys(name for name, _, _ in OPERATORS)
        ]
        return "\n".join([*lines, f"{self.tried} mutated CSV files: {', '.join(totals)}"])


def campaign(count: int, seed: int, folder: Path, only: str = "") -> Outcomes:
    """`count` mutations, every operator in turn, with pictures laid out in `folder`.

    Args:
        only: what the names of the operators begin with.
    """
    outcomes = Outcomes()
    lay_out_pictures(folder)
    chosen = [entry for entry in OPERATORS if entry[0].startswith(only)]
    for number in range(count):
        name, pixels, operator = chosen[number % len(chosen)]
        draw = Random(f"{seed}/{number}")
        sheet = drawn_sheet(draw, pixels, plain=name in RANDOM)
        while name.startswith("id ") and sheet.id is None:
            sheet = drawn_sheet(draw, pixels)
        changed = copied(sheet)
        mutation = operator(changed, draw)
        try:
            alone = draw.random() < 0.3 and name != OUTSIDE
            kind = judged(sheet, changed, mutation, folder, alone)
        except Wrong as wrong:
            kind = "wrong"
            outcomes.faults.append(
                f"{name}, {'pixels' if pixels else 'list'}, case {number}: {wrong}"
            )
        outcomes.counts[name, kind] += 1
    return outcomes


class Wrong(Exception):
    """Neither the same table nor a fault with its place."""


def judged(sheet: Sheet, changed: Sheet, mutation: Mutation, folder: Path, alone: bool) -> str:
    """What a mutation came to: "same", "named", "shorter" or "shorter and said"."""
    try:
        found, table = read_sheet(sheet, mutation.data, folder, alone)
    except ClfwError as error:
        if mutation.wants == "same":
            raise Wrong(f"refused: {error.message}") from None
        require_place(error.message, changed, mutation)
        return "named"
    except Exception as error:
        raise Wrong(f"{type(error).__name__}: {error}") from error
    if mutation.wants == "named":
        raise Wrong(f"taken: {mutation.data[:400]!r}")
    wanted = meant(changed if mutation.wants == "same" else sheet)
    if found == wanted:
        return "same"
    if mutation.wants != "cut":
        raise Wrong(f"another table of {len(found)} rows for {len(wanted)}: {found} for {wanted}")
    gone = [row for row in wanted if row not in found]
    if [row for row in wanted if row in found] != found:
        raise Wrong(f"another table: {found} for {wanted}")
    if sheet.pixels or alone:
        return "shorter"  # there is nothing beside the list that could tell
    files = {f"train/{picture.decode()}.png" for _, _, picture in gone}
    if not files <= set(table.unused_files):
        raise Wrong(f"{len(gone)} rows gone without a word")
    return "shorter and said"


def require_place(message: str, sheet: Sheet, mutation: Mutation) -> None:
    """Raise unless the fault is named with the right file, line and column."""
    place = PLACE.search(message + ":")
    if place is None or len(message) > 3000 or not message.replace("\n", "").isprintable():
        raise Wrong(f"no place: {message[:300]}")
    if mutation.lines and int(place[1]) not in mutation.lines:
        raise Wrong(f"line {mutation.lines} expected: {message[:300]}")
    if "column" not in message and not NO_COLUMN.search(message):
        raise Wrong(f"no column: {message[:300]}")
    if mutation.column:
        names = [str(mutation.column), *sheet.header[mutation.column - 1 : mutation.column]]
        said = place[2] or (re.findall(r"column '?(.+?)'? (?:has|stands|is)", message) or [""])[0]
        if said not in names:
            raise Wrong(f"column {names} expected: {message[:300]}")
