"""The contents of the cache folder: listed, sized, cleared; only clfw's own files are touched."""

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
START = 4096  # bytes of a table that name its data


@dataclass(frozen=True, kw_only=True, slots=True)
class CacheKind:
    """One kind of cache.

    Attributes:
        name: of its folder.
        holds: in words.
        form: pattern of its entries' names.
        files: names inside an entry that is a folder.
        data: reads the name of an entry's data from the entry; may raise anything.
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


def _data_of_pixels(path: Path) -> Any:
    return json.loads((path / "meta.json").read_bytes())["data"]


def _data_of_table(path: Path) -> Any:
    with path.open("rb") as file:
        start = file.read(START).decode("ascii", errors="replace")
    found = re.match(r'\{"data": ?("(?:[^"\\]|\\.)*")', start)
    return json.loads(found[1]) if found else ""


def _data_of_scan(path: Path) -> Any:
    with path.open("rb") as file:
        file.seek(-min(START, path.stat().st_size), os.SEEK_END)
        found = re.search(rb'\{"data": "(?:[^"\\]|\\.)*"\}$', file.read())
    return json.loads(found[0])["data"] if found else ""


def _data_of_features(path: Path) -> Any:
    size = path.stat().st_size
    with path.open("rb") as file:
        length = header_length(file.read(520), size, str(path))
        file.seek(8)
        return parse_header(file.read(length), size - 8 - length, str(path)).metadata["data"]


KINDS = (
    CacheKind(
        name="pixels",
        holds="decoded pictures",
        form=KEY,
        files=frozenset({"meta.json", "pixels.u8", "levels.json"}),
        data=_data_of_pixels,
    ),
    CacheKind(
        name="features",
        holds="features of a frozen backbone",
        form=rf"{KEY}\.safetensors",
        data=_data_of_features,
    ),
    CacheKind(name="tables", holds="checked rows", form=rf"{KEY}\.json", data=_data_of_table),
    CacheKind(
        name="examined", holds="what clfw data check saw", form=rf"{KEY}\.npy", data=_data_of_scan
    ),
    CacheKind(
        name="duplicates", holds="equal pictures", form=rf"{KEY}-\d+\.json", data=_data_of_table
    ),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class CacheEntry:
    """One entry.

    Attributes:
        data: the data it was made for; "" if unknown.
        size: bytes.
        used: when it was made or last used, seconds since 1970.
    """

    kind: CacheKind
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


def kinds_named(names: Sequence[str]) -> tuple[CacheKind, ...]:
    """The kinds with these names, all if there are none; `UsageError` for an unknown one."""
    known = {kind.name: kind for kind in KINDS}
    for name in names:
        if name not in known:
            raise UsageError(
                f"no kind of cache named '{escape(name)}'",
                hint=did_you_mean(name, known, f"known: {', '.join(known)}"),
            )
    return tuple(known[name] for name in dict.fromkeys(names)) or KINDS


def cache_entries(root: Path, kinds: Collection[CacheKind] = KINDS) -> list[CacheEntry]:
    """The entries, most recently used first."""
    entries = [entry for kind in kinds for entry in entries_of(root, kind)]
    return sorted(entries, key=lambda entry: -entry.used)


def entries_of(root: Path, kind: CacheKind) -> Iterator[CacheEntry]:
    """The entries of a kind; one that disappears meanwhile is left out."""
    for path in contents_of(root / kind.name):
        try:
            if not kind.owns(path):
                continue
            files = [*path.iterdir()] if kind.files else [path]
            facts = [file.stat() for file in files]
        except OSError:
            continue
        yield CacheEntry(
            kind=kind,
            path=path,
            data=data_name(kind, path),
            size=sum(fact.st_size for fact in facts),
            used=max((fact.st_mtime for fact in facts), default=0.0),
        )


def data_name(kind: CacheKind, path: Path) -> str:
    """The data that an entry was made for; "" if it does not say or is damaged."""
    try:
        data = kind.data(path)
    except Exception:  # anything may happen with a damaged file
        return ""
    return escape(data, 60) if isinstance(data, str) else ""


def unknown_entries(root: Path) -> list[Path]:
    """Files among the entries that clfw did not make."""
    return [
        path
        for kind in KINDS
        for path in contents_of(root / kind.name)
        if not storage.is_unfinished(path) and not kind.owns(path)
    ]


def contents_of(folder: Path) -> list[Path]:
    """The contents of a folder, by name; [] if it does not exist."""
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def clear(root: Path, kinds: Collection[CacheKind], older_than: float | None) -> list[CacheEntry]:
    """Remove entries, or only those unused for `older_than` days; returns what was removed.

    A process that has one mapped or open can go on reading it. Unfinished files of dead processes are
    removed too.
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
