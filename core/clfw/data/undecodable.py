"""Rows whose picture does not decode: left out if the user says so, and always reported."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from clfw.api.source import SPLITS
from clfw.data.pixels import fault_line
from clfw.data.rows import LEFT_OUT, Rows
from clfw.errors import DataError
from clfw.text import MAX_LISTED, bullet_list, escape

MAX_NAMED = 3  # bad pictures named in the summary


def drop_undecodable(rows: Rows, bad: Mapping[int, str]) -> Rows:
    """`rows` with those whose picture does not decode in no split.

    Raises:
        DataError: more than half of a split, or all training rows of a class, would go.
    """
    if not bad:
        return rows
    split = rows.split.copy()
    split[list(bad)] = LEFT_OUT
    kept = replace(rows, split=split, bad=bad)
    lines = bad_lines(kept)
    hint = "repair these files, or remove their rows"
    for name in SPLITS:
        before, after = len(rows.of(name)), len(kept.of(name))
        if 2 * after < before:
            lost = f"{before - after} of the {before} pictures of the {name} split"
            what = f"unreadable pictures; without them more than half is gone: {lost}"
            raise DataError(bullet_list(what, lines), hint=hint)
    trained = np.unique(rows.targets[rows.of("train")])
    gone = np.setdiff1d(trained, rows.targets[kept.of("train")])
    if len(gone):
        names = ", ".join(escape(rows.classes[k], 30) for k in gone[:MAX_LISTED].tolist())
        what = f"unreadable pictures; no training picture is left of: {names}"
        raise DataError(bullet_list(what, lines), hint=hint)
    return kept


def bad_lines(rows: Rows) -> tuple[str, ...]:
    """A line for each picture that is left out because it does not decode."""
    return tuple(fault_line(rows.table, row, rows.bad[row]) for row in sorted(rows.bad))


def undecodable_summary(lines: Sequence[str]) -> str:
    """How many pictures are left out because they do not decode, and the first of them."""
    count = "1 picture" if len(lines) == 1 else f"{len(lines):,} pictures"
    more = f"; and {len(lines) - MAX_NAMED:,} more" if len(lines) > MAX_NAMED else ""
    return f"{count} left out, unreadable: {'; '.join(lines[:MAX_NAMED])}{more}"
