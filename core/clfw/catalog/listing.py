"""Everything that can be named, as rows of facts: registry entries, and components without one."""

import operator
import re
from collections.abc import Callable, Iterable
from typing import Any

from clfw.catalog.registry import KIND_OF_SECTION, SECTIONS, Entry, Registry
from clfw.errors import UsageError
from clfw.plugins.manager import Catalog
from clfw.text import did_you_mean, escape

Row = dict[str, Any]

FACTS = ("kind", "name", "package", "parameters", "channels", "accuracy")
OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "=": operator.eq,
}
UNITS = {
    "parameters": "a count, as in 1e6",
    "channels": "a count, as in 1 or 3",
    "accuracy": "a fraction from 0 to 1, as in 0.9 for 90%",
}
CONDITION = r"\s*([a-z]+)\s*(<=|>=|!=|<|>|==?)\s*(.+?)\s*"


def catalog_rows(catalog: Catalog, registry: Registry) -> list[Row]:
    """Entries, then components without an entry of their name; augmentations last."""
    rows = []
    for section in SECTIONS:
        names = registry.names(section)
        rows += [entry_row(registry.entries[section, name], catalog, registry) for name in names]
        kind = KIND_OF_SECTION.get(section)
        for k, name in catalog.offers:
            if k == kind and name not in names:
                rows.append(component_row(section, name, catalog, registry))
    rows += [
        component_row("augment", name, catalog, registry)
        for k, name in catalog.offers
        if k == "augmentation"
    ]
    return rows


def entry_row(entry: Entry, catalog: Catalog, registry: Registry) -> Row:
    """The facts of a registry entry, most of them its component's."""
    component = entry.component
    if entry.section == "recipes":
        model = registry.entries.get(("models", str(entry.fields.get("model", ""))))
        component = model.component if model else str(entry.fields.get("model", ""))
    kind = KIND_OF_SECTION.get(entry.section, "architecture")
    offers = catalog.offers.get((kind, component), ())
    return row(entry.section, entry.name, entry.summary, entry.origin, offers,
               published(entry.section, entry.name, registry))  # fmt: skip


def component_row(section: str, name: str, catalog: Catalog, registry: Registry) -> Row:
    """The facts of a component that is used under its own name."""
    kind = KIND_OF_SECTION.get(section, "augmentation")
    offers = catalog.offers[kind, name]
    origin = " and ".join(offer.plugin.origin for offer in offers)
    clash = "offered twice: " if len(offers) > 1 else ""
    summary = clash + offers[0].component.summary
    return row(section, name, summary, origin, offers, published(section, name, registry))


def row(
    kind: str, name: str, summary: str, origin: str, offers: Any, accuracy: float | None
) -> Row:
    """One row of the list; None for an unknown fact."""
    component = offers[0].component if offers else None
    channels = getattr(component, "channels", ())
    return {
        "kind": kind,
        "name": name,
        "summary": summary,
        "origin": origin,
        "package": " and ".join(offer.plugin.package for offer in offers),
        "parameters": getattr(component, "parameter_count", None),
        "channels": list(channels) if channels or hasattr(component, "channels") else None,
        "accuracy": accuracy,
    }


def published(section: str, name: str, registry: Registry) -> float | None:
    """The best test accuracy published by a recipe of that name, model or data; else of validation."""
    singular = {"models": "model", "data": "data"}.get(section)
    figures = [
        recipe.table("published")
        for (s, _), recipe in registry.entries.items()
        if s == "recipes"
        and (recipe.name == name if section == "recipes" else recipe.fields.get(singular or "") == name)
    ]  # fmt: skip
    for split in ("test", "validation"):
        known = [float(figure[split]) for figure in figures if split in figure]
        if known:
            return max(known)
    return None


def filter_rows(rows: Iterable[Row], conditions: Iterable[str]) -> list[Row]:
    """The rows that meet every condition, such as "parameters<1e6" or "channels=1".

    An unknown fact meets no condition. An architecture without a list of channels accepts any.

    Raises:
        UsageError: a malformed condition, an unknown fact, or text where a number is needed.
    """
    tests = [parse_condition(text) for text in conditions]
    return [row for row in rows if all(test(row) for test in tests)]


def parse_condition(text: str) -> Callable[[Row], bool]:
    """One condition as a function of a row."""
    match = re.fullmatch(CONDITION, text)
    if not match:
        raise UsageError(
            f"--filter '{escape(text)}': must look like parameters<1e6",
            hint=f"facts: {', '.join(FACTS)}; comparisons: {' '.join(OPERATORS)}",
        )
    fact, sign, value = match.groups()
    if fact not in FACTS:
        raise UsageError(
            f"--filter '{escape(text)}': no fact '{escape(fact)}'",
            hint=did_you_mean(fact, FACTS, f"facts: {', '.join(FACTS)}"),
        )
    compare = OPERATORS["=" if sign == "==" else sign]
    if fact in ("kind", "name", "package"):
        if sign not in ("=", "==", "!="):
            raise UsageError(f"--filter '{escape(text)}': {fact} takes = or !=")
        return lambda row: bool(row[fact]) and compare(row[fact], value)
    try:
        number = float(value)
    except ValueError:
        raise UsageError(
            f"--filter '{escape(text)}': '{escape(value)}' is not a number",
            hint=f"{fact} is {UNITS[fact]}",
        ) from None
    if fact == "accuracy" and not 0 <= number <= 1:
        raise UsageError(
            f"--filter '{escape(text)}': accuracy is {UNITS[fact]}",
            hint=f"for instance accuracy{sign}{number / 100 if 1 < number <= 100 else 0.9:g}",
        )
    if fact == "channels":
        return lambda row: (
            row["channels"] is not None
            and (not row["channels"] or any(compare(count, number) for count in row["channels"]))
        )
    return lambda row: row[fact] is not None and compare(row[fact], number)
