"""Adds a data entry to a registry file; everything else in the file stays byte for byte."""

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
    """Raise unless `name` is free and valid for a new data entry."""
    if not NAME.fullmatch(name):
        raise UsageError(
            f"'{escape(name)}': entry names are lower_snake",
            hint="start with a lower-case letter; use a-z, digits and _",
        )
    entry = registry.entries.get(("data", name))
    holders = [f"entry of {entry.origin}"] if entry is not None else []
    holders += [f"dataset of {o.plugin.origin}" for o in catalog.offers.get(("dataset", name), ())]
    if holders:
        raise UsageError(
            f"'{name}': already the name of the {holders[0]}",
            hint="choose another name",
        )


def add_entry(entry: Entry, path: Path) -> None:
    """Append a data entry to the registry at `path`, which is created if absent.

    Raises:
        UsageError: the file is not valid, or has that name by now.
        OutputError, StorageError: it cannot be written.
    """
    target = path.resolve()  # a link stays a link
    digest = hashlib.sha256(os.fsencode(target)).hexdigest()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(cache_folder("locks") / f"registry-{digest[:16]}.lock"):
            old = target.read_bytes() if target.exists() else b""
            write_atomically(target, append_entry(old, entry, path))
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from None


def append_entry(old: bytes, entry: Entry, path: Path) -> bytes:
    """The file's bytes with the entry appended, parsed again to make sure of both."""
    try:
        before = tomllib.loads(old.decode("utf-8"))
    except ValueError as error:
        raise UsageError(f"{path}: not valid TOML: {escape(str(error))}") from None
    known = before.get("data", {})
    if not isinstance(known, dict) or entry.name in known:
        raise UsageError(f"{path}: data.{entry.name}: already exists", hint="choose another name")
    newline = "\r\n" if b"\r\n" in old else "\n"
    gap = ("" if old.endswith(b"\n") else newline) + newline if old else ""
    try:
        added = (gap + newline.join(entry_lines(entry))).encode()
        after = tomllib.loads((old + added).decode())
    except ValueError as error:  # a name that is not Unicode, or `data = {...}` is closed
        raise OutputError(
            f"{path}: cannot add the entry '{entry.name}': {escape(str(error))}",
            hint="write it there by hand, or add it to your own registry with --user",
        ) from None
    del after["data"][entry.name]
    assert after == {**before, "data": known}
    return old + added


def entry_lines(entry: Entry) -> list[str]:
    """The entry as lines of TOML; its tables come last, each under its own heading."""
    plain = {key: value for key, value in entry.fields.items() if not isinstance(value, Mapping)}
    lines = [f"[data.{entry.name}]", *toml_lines(plain)]
    for key, table in entry.fields.items():
        if isinstance(table, Mapping):
            lines += ["", f"[data.{entry.name}.{key}]", *toml_lines(table)]
    return [*lines, ""]


def toml_lines(values: Mapping[str, Any]) -> list[str]:
    """`key = value` lines."""
    return [f"{key} = {toml(value)}" for key, value in values.items()]


def toml(value: Any) -> str:
    """A value as TOML: strings, numbers, booleans, and lists of them."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml, value))}]"
    # JSON strings are TOML strings, except for DEL, which JSON does not escape.
    return json.dumps(value, ensure_ascii=False, default=str).replace("\x7f", "\\u007f")
