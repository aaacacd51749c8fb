"""Names that people type: models, data and recipes from layered `registry.toml` files."""

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from clfw.api.components import Kind
from clfw.errors import InputMissing, UsageError
from clfw.io.storage import user_folder
from clfw.plugins.manager import NAME, Catalog
from clfw.text import did_you_mean, escape

Section = Literal["models", "data", "recipes"]
SECTIONS: tuple[Section, ...] = ("models", "data", "recipes")
KIND_OF_SECTION: dict[str, Kind] = {"models": "architecture", "data": "dataset"}
SINGULAR: dict[Section, str] = {"models": "model", "data": "data entry", "recipes": "recipe"}

_COMMON = {"extends": str, "summary": str, "document": str}
KEYS: dict[Section, dict[str, type]] = {
    "models": {
        **_COMMON,
        "component": str,
        "values": dict,
        "train": dict,
        "optimizer": dict,
        "schedule": dict,
        "loss": dict,
        "augment": list,
        "fetch": list,
    },
    "data": {
        **_COMMON,
        "component": str,
        "values": dict,
        "sample": str,
        "fetch": list,
        "convert": str,
    },
    "recipes": {
        **_COMMON,
        "model": str,
        "data": str,
        "values": dict,
        "published": dict,
        "quick_backbone": str,
    },
}
SCHEMA = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One name of a registry: a component plus values (or, for a recipe, a model and data).

    Attributes:
        seen: what a reader detected, for data given as a path; else empty.
    """

    name: str
    section: Section
    origin: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    seen: str = ""

    @property
    def summary(self) -> str:
        """One line for lists."""
        return str(self.fields.get("summary", ""))

    @property
    def component(self) -> str:
        """Name of the component that builds it; its own name unless the entry says otherwise."""
        return str(self.fields.get("component", self.name))

    @property
    def path(self) -> str:
        """The `path` among the values; empty if there is none."""
        return str(self.table("values").get("path", ""))

    def table(self, key: str) -> dict[str, Any]:
        """The sub-table `key`; empty if the entry has none."""
        return dict(self.fields.get(key, {}))


@dataclass(frozen=True, slots=True)
class Registry:
    """All layers merged: an upper layer replaces whole entries of a lower one."""

    entries: Mapping[tuple[Section, str], Entry]

    def names(self, section: Section) -> list[str]:
        """Entry names of a section, in file order."""
        return [name for s, name in self.entries if s == section]

    def find(self, section: Section, name: str, catalog: Catalog) -> Entry:
        """The entry of that name, else an installed component of that name, else `UsageError`."""
        entry = self.entries.get((section, name))
        if entry is not None:
            return entry
        kind = KIND_OF_SECTION.get(section)
        if kind and (kind, name) in catalog.offers:
            offer = catalog.find(kind, name)
            return Entry(
                name=name,
                section=section,
                origin=offer.plugin.origin,
                fields={"summary": offer.component.summary},
            )
        known = [*self.names(section), *(catalog.names(kind) if kind else [])]
        if kind is not None:
            raise catalog.unknown(SINGULAR[section], name, known)
        raise UsageError(
            f"no {SINGULAR[section]} named '{escape(name)}'",
            hint=did_you_mean(name, known, "list them all: clfw list"),
        )


def packaged_registry() -> Path:
    """The registry of this package: beside it when installed, at the top of a checkout otherwise.

    The checkout's file is looked for first, because an editable install leaves a stale copy behind.
    """
    here = Path(__file__).parent.parent
    checkout = here.parent.parent / "registry.toml"
    # Only a checkout has `core/clfw`: the folder above site-packages may be anybody's project.
    in_checkout = here.parent.name == "core" and checkout.exists()
    return checkout if in_checkout else here / "registry.toml"


def user_registry() -> Path:
    """The user's own registry, in the platform's config folder or `CLFW_CONFIG_DIR`."""
    override = os.environ.get("CLFW_CONFIG_DIR")
    if override:
        return Path(override) / "registry.toml"
    return user_folder("config") / "registry.toml"


def read_registry(extra: Path | None = None) -> Registry:
    """All layers: packaged, the user's, `./registry.toml`, then `extra`."""
    layers = [("clfw", packaged_registry()), ("user", user_registry())]
    here = Path("registry.toml")
    if here.exists() and here.resolve() != packaged_registry().resolve():
        layers.append(("project", here))
    if extra is not None:
        if not extra.exists():
            raise InputMissing(f"--registry: no file '{escape(str(extra))}'")
        layers.append((str(extra), extra))
    entries: dict[tuple[Section, str], Entry] = {}
    for origin, path in layers:
        if path.exists():
            for entry in parse(path, origin):
                entries[entry.section, entry.name] = entry
    return Registry({key: resolve_extends(entry, entries) for key, entry in entries.items()})


def parse(path: Path, origin: str) -> Iterable[Entry]:
    """The entries of one file, each checked for shape. Values are checked when an entry is used."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # TOML and UTF-8 errors, endless numbers
        line = re.search(r"\(at line (\d+), column", str(error))
        raise UsageError(
            f"{path}{f':{line[1]}' if line else ''}: not valid TOML: {escape(str(error))}",
            hint="fix the file, or move it away",
        ) from None
    if document.pop("schema", SCHEMA) != SCHEMA:
        raise UsageError(f"{path}: schema: this clfw reads schema {SCHEMA}")
    for section, tables in document.items():
        if section not in SECTIONS:
            raise unknown_key(f"{path}: {escape(section)}", section, SECTIONS)
        require_type(tables, dict, f"{path}: {section}")
        for name, fields in tables.items():
            where = f"{path}: {section}.{escape(name)}"
            if not NAME.fullmatch(name):
                raise UsageError(f"{where}: entry names are lower_snake")
            require_type(fields, dict, where)
            check_fields(fields, KEYS[section], where)
            yield Entry(name=name, section=section, origin=origin, fields=fields)


def check_fields(fields: Mapping[str, Any], keys: Mapping[str, type], where: str) -> None:
    """Raise `UsageError` unless every key is known and its value has the right type."""
    for key, value in fields.items():
        if key not in keys:
            raise unknown_key(f"{where}: {escape(key)}", key, keys)
        require_type(value, keys[key], f"{where}: {key}")


def require_type(value: object, kind: type, where: str) -> None:
    """Raise unless `value` is of TOML type `kind`."""
    words: dict[type, str] = {dict: "a table", list: "an array", str: "a string"}
    if not isinstance(value, kind):
        raise UsageError(f"{where}: must be {words[kind]}, is {escape(repr(value))}")


def unknown_key(where: str, key: str, known: Iterable[str]) -> UsageError:
    """The error for an unknown key."""
    known = list(known)
    return UsageError(
        f"{where}: no such key", hint=did_you_mean(key, known, f"known: {', '.join(known)}")
    )


def resolve_extends(entry: Entry, entries: Mapping[tuple[Section, str], Entry]) -> Entry:
    """`entry` merged over the entries it extends: tables key by key, other values replaced."""
    chain = [entry]
    while (parent := chain[-1].fields.get("extends")) is not None:
        where = f"registry ({entry.origin}): {entry.section}.{chain[-1].name}: extends"
        if (entry.section, parent) not in entries:
            raise UsageError(
                f"{where}: no {SINGULAR[entry.section]} named '{escape(parent)}'",
                hint=did_you_mean(parent, [n for s, n in entries if s == entry.section]),
            )
        if any(parent == earlier.name for earlier in chain):
            raise UsageError(f"{where}: '{parent}' extends itself")
        chain.append(entries[entry.section, parent])
    if len(chain) == 1:
        return entry
    fields: dict[str, Any] = (
        {"component": chain[-1].component} if entry.section != "recipes" else {}
    )
    for link in reversed(chain):
        fields = deep_merge(fields, link.fields)
    fields.pop("extends")
    return replace(entry, fields=fields)


def deep_merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """`above` merged over `below`, nested tables too."""
    result = dict(below)
    for key, value in above.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = deep_merge(result[key], value) if both else value
    return result
