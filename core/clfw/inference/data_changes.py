"""Whether finished weights were trained on this data, and what has changed in it since. No torch."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from clfw.api.source import Table
from clfw.artifacts.weights_header import Header
from clfw.data.rows import LEFT_OUT, Rows, fingerprint
from clfw.data.split_file import Pair, pairs_of, read_split
from clfw.text import escape, plural


def is_training_data(header: Header, entry: str, table: Table) -> bool:
    """Whether `table` is of the data that the weights were trained on, changed or not.

    The name decides, and where the run folder has its list, the keys: data that was moved has all of
    them under another name, and another folder of the same name has none.
    """
    same_name = bool(header.facts["data"].get("entry") == entry)
    recorded = read_split(header.path.parent)
    if not recorded:
        return same_name
    then, now = {key for key, _ in recorded}, set(table.keys)
    return not then.isdisjoint(now) if same_name else then == now


def describe_changes(
    header: Header, rows: Rows, split: str, unreadable: Collection[int], pixels: str
) -> str:
    """A warning where these rows are not those trained on, with what differs; else "".

    Args:
        split: the one that is evaluated.
        unreadable: rows whose picture does not decode, which a run leaves out.
        pixels: hash of the decoded pictures of every labelled split.
    """
    assigned = rows.split.copy()
    assigned[list(unreadable)] = LEFT_OUT
    present = replace(rows, split=assigned)
    then, now = read_split(header.path.parent), pairs_of(present)
    said = list_differences(then, now, split) if then else ""
    recorded = header.facts["data"].get("fingerprint")
    if not said and recorded and fingerprint(present, pixels) != recorded:
        said = "pictures, labels or classes have changed" if then else "its fingerprint differs"
    return f"warning: the data is not what was trained on: {said}" if said else ""


def list_differences(then: Sequence[Pair], now: Sequence[Pair], split: str) -> str:
    """Rows that are new, gone, or in another split, counted, with the first of each; "" for none."""
    old, present = set(then), set(now)
    new = [key for key, part in now if (key, part) not in old]
    gone = [key for key, part in then if (key, part) not in present]
    moved = set(new) & set(gone)
    kinds = {
        "new": [key for key in new if key not in moved],
        "gone": [key for key in gone if key not in moved],
        "moved to another split": [key for key in new if key in moved],
    }
    parts = [
        f"{plural(len(keys), 'row')} {what} ('{escape(keys[0], 60)}'"
        f"{', ...' if len(keys) > 1 else ''})"
        for what, keys in kinds.items()
        if keys
    ]
    strangers = sum(part == split and (key, part) not in old for key, part in now)
    if strangers:
        parts.append(
            f"of the {split} rows here, {strangers:,} {'was' if strangers == 1 else 'were'} not among "
            "the run's, so may have been trained on"
        )
    return "; ".join(parts)
