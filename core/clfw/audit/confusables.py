"""Class names that people would read as the same, and names that mean a missing value."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence

from clfw.text import escape

# Capitals of other scripts that look like Latin ones; lower case is compared as upper case.
_CYRILLIC = dict(zip("АВЕЅІЈКМНОРСТУХҮԚԜ", "ABESIJKMHOPCTYXYQW", strict=True))
_GREEK = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX", strict=True))
_LATIN_TWIN = str.maketrans(_CYRILLIC | _GREEK)
_INVISIBLE = ("Cf", "Cc", "Zs", "Zl", "Zp")  # format and control characters, spaces of any width
_MISSING = frozenset({"na", "n/a", "nan", "null"})


def look_alike(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Groups of names that differ only by case, spaces, look-alike characters or number format."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name in dict.fromkeys(names):
        groups[skeleton(name)].append(name)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def skeleton(name: str) -> str:
    """A key that is equal for names that look alike (as in Unicode UTS 39)."""
    capital = unicodedata.normalize("NFKC", name).casefold().upper().translate(_LATIN_TWIN)
    visible = "".join(c for c in capital if c != "_" and unicodedata.category(c) not in _INVISIBLE)
    whole, _, fraction = visible.partition(".")
    if whole.isdecimal() and not fraction.strip("0"):  # 1, 01 and 1.0 are the same number
        return whole.lstrip("0") or "0"
    return visible


def quote_names(names: Sequence[str]) -> str:
    """Names that look alike, quoted; with character codes unless they differ only by case."""
    case_alone = len({name.casefold() for name in names}) == 1
    return ", ".join(f"'{escape(name)}'" if case_alone else ascii(name) for name in names)


def reads_as_missing(name: str) -> bool:
    """Whether a name is what other programs write for a missing value."""
    return name.strip().casefold() in _MISSING
