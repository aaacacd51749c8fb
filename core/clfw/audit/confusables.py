"""Class names that a person takes for one, and names that stand for a value that is missing."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence

from clfw.text import escape

# Capitals of other scripts that look like Latin ones; small letters are compared as capitals.
_CYRILLIC = dict(zip("АВЕЅІЈКМНОРСТУХҮԚԜ", "ABESIJKMHOPCTYXYQW", strict=True))
_GREEK = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX", strict=True))
_LATIN_TWIN = str.maketrans(_CYRILLIC | _GREEK)
_INVISIBLE = ("Cf", "Cc", "Zs", "Zl", "Zp")  # format and control characters, blanks of any width
_MISSING = frozenset({"na", "n/a", "nan", "null"})


def look_alike(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Groups of names that differ by case, blanks, look-alike characters or the form of a number."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name in dict.fromkeys(names):
        groups[skeleton(name)].append(name)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def skeleton(name: str) -> str:
    """What is left of a name when its looks are taken away; equal for names that look alike."""
    capital = unicodedata.normalize("NFKC", name).casefold().upper().translate(_LATIN_TWIN)
    kept = "".join(c for c in capital if c != "_" and unicodedata.category(c) not in _INVISIBLE)
    whole, _, fraction = kept.partition(".")
    if whole.isdecimal() and not fraction.strip("0"):  # 1, 01 and 1.0 are one number
        return whole.lstrip("0") or "0"
    return kept


def told_apart(names: Sequence[str]) -> str:
    """Names that look alike, in quotes; by their characters' codes where case does not part them."""
    case_alone = len({name.casefold() for name in names}) == 1
    return ", ".join(f"'{escape(name)}'" if case_alone else ascii(name) for name in names)


def reads_as_missing(name: str) -> bool:
    """Whether a name is what other programs write in the place of no value."""
    return name.strip().casefold() in _MISSING
