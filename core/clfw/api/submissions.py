"""The layout in which predictions are handed in, from a sample submission."""

from collections.abc import Set

from clfw.api.source import Submission
from clfw.errors import DataError
from clfw.io.csv_file import read_csv
from clfw.text import bullet_list, escape


def submission_layout(data: bytes, name: str, keys: Set[str], test: str) -> Submission:
    """The columns and the order of the sample submission in the file `name`.

    Args:
        keys: the keys of the test rows, each of which must stand in it once.
        test: the name of the list of test rows, for messages.

    Raises:
        DataError: other than two columns, ids that are not those of the test rows.
    """
    rows = read_csv(data, name)
    if not rows or len(rows[0].values) != 2:
        raise DataError(f"{name}:1: a submission has rows of two columns")
    key_column, label_column = rows[0].values
    seen: set[str] = set()
    faults = []
    for row in rows:
        key = row.values[key_column]
        if key not in keys or key in seen:
            what = "appears twice" if key in seen else f"is no row of {test}"
            place = f"{name}:{row.line} (column {escape(key_column, 40)})"
            faults.append(f"{place}: '{escape(key, 40)}' {what}")
        seen.add(key)
    if faults:
        raise DataError(bullet_list("ids that are not those of the test rows", faults))
    if len(seen) != len(keys):
        absent = escape(min(keys - seen), 40)
        raise DataError(
            f"{name}:{rows[-1].line}: {len(seen):,} ids, and {test} has {len(keys):,} rows; "
            f"'{absent}' is absent"
        )
    return Submission(
        key_column=key_column,
        label_column=label_column,
        keys=tuple(row.values[key_column] for row in rows),
    )
