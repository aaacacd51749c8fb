"""What lies in the cache folder: found, sized, and cleared away; nothing but clfw's own is touched."""

import json
import os
import re
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from clfw.errors import UsageError
from clfw.io import storage
from clfw.io.safetensors_header import header_length, parse_header
from clfw.text import did_you_mean, escape

DAY = 86400  # seconds
KEY = r"[0-9a-f]{32}"
START = 4096  # bytes of a table in which its data is named


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """One sort of cache.

    Attributes:
        name: of its folder.
        holds: in words.
        form: what its entries are called.
        files: what an entry holds where it is a folder.
        data: the name of an entry's data, as the entry itself has it; raises what reading may.
    """

    name: str
    holds: str
    form: str
    files: frozenset[str] = frozenset()
    data: Callable[[Path], Any] = lambda path: ""

    def owns(self, path: Path) -> bool:
        """Whether clfw made it."""
        if path.is_symlink() or not re.fullmatch(self.form, path.name):
            return False
        if not self.files:
            return path.is_file()
        names = {inner.name for inner in path.iterdir() if not storage.is_unfinished(inner)}
        return path.is_dir() and names <= self.files


def _of_pixels(path: Path) -> Any:
    return json.loads((path / "meta.json").read_bytes())["data"]


def _of_table(path: Path) -> Any:
    with path.open("rb") as file:
        start = file.read(START).decode("ascii", errors="replace")
    found = re.match(r'\{"data": ?("(?:[^"\\]|\\.)*")', start)
    return json.loads(found[1]) if found else ""


def _of_examined(path: Path) -> Any:
    with path.open("rb") as file:
        file.seek(-min(START, path.stat().st_size), os.SEEK_END)
        found = re.search(rb'\{"data": "(?:[^"\\]|\\.)*"\}$', file.read())
    return json.loads(found[0])["data"] if found else ""


def _of_features(path: Path) -> Any:
    size = path.stat().st_size
    with path.open("rb") as file:
        length = header_length(file.read(520), size, str(path))
        file.seek(8)
        return parse_header(file.read(length), size - 8 - length, str(path)).metadata["data"]


KINDS = (
    Kind(
        name="pixels",
        holds="decoded pictures",
        form=KEY,
        files=frozenset({"meta.json", "pixels.u8", "levels.json"}),
        data=_of_pixels,
    ),
    Kind(
        name="features",
        holds="features of a frozen backbone",
        form=rf"{KEY}\.safetensors",
        data=_of_features,
    ),
    Kind(name="tables", holds="checked rows", form=rf"{KEY}\.json", data=_of_table),
    Kind(name="examined", holds="what clfw data check saw", form=rf"{KEY}\.npy", data=_of_examined),
    Kind(name="duplicates", holds="equal pictures", form=rf"{KEY}-\d+\.json", data=_of_table),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Cached:
    """One entry.

    Attributes:
        data: for which data it was made; "" where it does not say.
        size: bytes.
        used: when it was made or last used, seconds since 1970.
    """

    kind: Kind
    path: Path
    data: str
    size: int
    used: float

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "kind": self.kind.name,
            "holds": self.kind.holds,
            "data": self.data,
            "size": self.size,
            "used": datetime.fromtimestamp(self.used, UTC).isoformat(timespec="seconds"),
            "path": str(self.path),
        }


def kinds_named(names: Sequence[str]) -> tuple[Kind, ...]:
    """The kinds of these names, or all for none; `UsageError` for an unknown one."""
    known = {kind.name: kind for kind in KINDS}
    for name in names:
        if name not in known:
            raise UsageError(
                f"there is no kind of cache named '{escape(name)}'",
                hint=did_you_mean(name, known, f"known: {', '.join(known)}"),
            )
    return tuple(known[name] for name in dict.fromkeys(names)) or KINDS


def cache_entries(root: Path, kinds: Collection[Kind] = KINDS) -> list[Cached]:
    """The entries, those used last first."""
    entries = [entry for kind in kinds for entry in entries_of(root, kind)]
    return sorted(entries, key=lambda entry: -entry.used)


def entries_of(root: Path, kind: Kind) -> Iterator[Cached]:
    """The entries of a kind; one that goes away meanwhile is left out."""
    for path in contents_of(root / kind.name):
        try:
            if not kind.owns(path):
                continue
            files = [*path.iterdir()] if kind.files else [path]
            facts = [file.stat() for file in files]
        except OSError:
            continue
        yield Cached(
            kind=kind,
            path=path,
            data=named(kind, path),
            size=sum(fact.st_size for fact in facts),
            used=max((fact.st_mtime for fact in facts), default=0.0),
        )


def named(kind: Kind, path: Path) -> str:
    """For which data an entry was made; "" where it does not say or is damaged."""
    try:
        data = kind.data(path)
    except Exception:  # whatever a damaged file leads to
        return ""
    return escape(data, 60) if isinstance(data, str) else ""


def unknown_entries(root: Path) -> list[Path]:
    """What lies among the entries and is none of clfw's making."""
    return [
        path
        for kind in KINDS
        for path in contents_of(root / kind.name)
        if not storage.is_unfinished(path) and not kind.owns(path)
    ]


def contents_of(folder: Path) -> list[Path]:
    """What a folder holds, by name; nothing where there is none."""
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def clear(root: Path, kinds: Collection[Kind], older_than: float | None) -> list[Cached]:
    """Remove entries, those alone that were not used for `older_than` days where it is given.

    A process that has one mapped or open keeps it: its names go, its bytes when it is done. What an
    ended process left half made goes too. Returns what was removed.
    """
    before = time.time() - (older_than or 0) * DAY
    removed = []
    for entry in cache_entries(root, kinds):
        if older_than is None or entry.used < before:
            storage.discard(entry.path)
            removed.append(entry)
    for kind in kinds:
        storage.remove_orphans(root / kind.name)
    return removed
