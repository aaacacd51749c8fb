"""Adds a data entry to a registry file; whatever else the file holds stays as it is, to the byte."""

import hashlib
import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock

from clfw.catalog.registry import Entry, Registry
from clfw.errors import OutputError, UsageError
from clfw.io.storage import cache_folder, write_atomically
from clfw.plugins.manager import NAME, Catalog
from clfw.text import escape


def refuse_taken(name: str, catalog: Catalog, registry: Registry) -> None:
    """Raise unless a new data entry may bear the name."""
    if not NAME.fullmatch(name):
        raise UsageError(
            f"'{escape(name)}': an entry's name is lower_snake",
            hint="begin with a letter; letters from a to z, digits and _ may follow",
        )
    entry = registry.entries.get(("data", name))
    holders = [f"entry of {entry.origin}"] if entry is not None else []
    holders += [f"dataset of {o.plugin.origin}" for o in catalog.offers.get(("dataset", name), ())]
    if holders:
        raise UsageError(
            f"'{name}': is taken by the {holders[0]}",
            hint="choose another name",
        )


def add_entry(entry: Entry, path: Path) -> None:
    """Append a data entry to the registry at `path`, which is made if need be.

    Raises:
        UsageError: the file is not valid, or has the name meanwhile.
        OutputError, StorageError: it cannot be written.
    """
    target = path.resolve()  # a link stays a link
    digest = hashlib.sha256(os.fsencode(target)).hexdigest()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(cache_folder("locks") / f"registry-{digest[:16]}.lock"):
            old = target.read_bytes() if target.exists() else b""
            write_atomically(target, extended(old, entry, path))
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from None


def extended(old: bytes, entry: Entry, path: Path) -> bytes:
    """The file's bytes with the entry after them, read back to make sure of both."""
    try:
        before = tomllib.loads(old.decode("utf-8"))
    except ValueError as error:
        raise UsageError(f"{path}: not valid TOML: {escape(str(error))}") from None
    known = before.get("data", {})
    if not isinstance(known, dict) or entry.name in known:
        raise UsageError(f"{path}: data.{entry.name}: is there already", hint="choose another name")
    newline = "\r\n" if b"\r\n" in old else "\n"
    gap = ("" if old.endswith(b"\n") else newline) + newline if old else ""
    try:
        added = (gap + newline.join(lines_of(entry))).encode()
        after = tomllib.loads((old + added).decode())
    except ValueError as error:  # a name that is no Unicode, or `data = {...}`, which cannot grow
        raise OutputError(
            f"{path}: cannot take the entry '{entry.name}': {escape(str(error))}",
            hint="write it there by hand, or to your own registry with --user",
        ) from None
    del after["data"][entry.name]
    assert after == {**before, "data": known}
    return old + added


def lines_of(entry: Entry) -> list[str]:
    """The entry as TOML; its tables come last, each under a heading of its own."""
    plain = {key: value for key, value in entry.fields.items() if not isinstance(value, Mapping)}
    lines = [f"[data.{entry.name}]", *assignments(plain)]
    for key, table in entry.fields.items():
        if isinstance(table, Mapping):
            lines += ["", f"[data.{entry.name}.{key}]", *assignments(table)]
    return [*lines, ""]


def assignments(values: Mapping[str, Any]) -> list[str]:
    """`key = value` lines."""
    return [f"{key} = {toml(value)}" for key, value in values.items()]


def toml(value: Any) -> str:
    """A value as TOML: text, numbers, truth values, and lists of them."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml, value))}]"
    # JSON's text is TOML's, but for DEL, which JSON leaves as it is.
    return json.dumps(value, ensure_ascii=False, default=str).replace("\x7f", "\\u007f")
