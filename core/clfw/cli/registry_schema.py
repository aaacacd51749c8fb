"""The JSON Schema of `registry.toml`, made of the parameter classes of what is installed. No torch."""

from collections.abc import Mapping
from typing import Any

from clfw.api.components import Component, Dataset, Kind
from clfw.api.params import Params, params_class
from clfw.api.source import SPLITS
from clfw.catalog.registry import KEYS, SCHEMA, Section
from clfw.config.data_params import DataParams
from clfw.config.recipe import TABLES, TrainParams
from clfw.errors import ClfwError
from clfw.fetch.remote import Remote
from clfw.plugins.manager import NAME, Catalog

TYPES: dict[type, str] = {str: "string", dict: "object", list: "array"}
MEANINGS = {
    "extends": "entry of the same section that this one is laid over",
    "summary": "one line, lower case",
    "document": "where it comes from",
    "component": "what builds it; the entry's own name if absent",
    "values": "parameters of the component",
    "train": "how to train it",
    "optimizer": "parameters of the optimizer that train.optimizer chooses",
    "schedule": "parameters of the schedule that train.schedule chooses",
    "loss": "parameters of the loss that train.loss chooses",
    "augment": "augmentations: names, or tables with 'use'",
    "fetch": "files that clfw fetch gets",
    "sample": "dataset without files that stands in where the files are absent",
    "convert": "file or folder that is made of the published files",
    "model": "model entry or architecture",
    "data": "data entry or dataset",
    "published": "accuracies by split, as shares",
    "quick_backbone": "model that stands in for a pretrained backbone in a quick run",
}


def registry_schema(catalog: Catalog) -> dict[str, Any]:
    """Draft 2020-12; names of installed components are offered, others are not refused."""
    sections = {
        "models": entry_schema("models", catalog, "architecture"),
        "data": entry_schema("data", catalog, "dataset"),
        "recipes": recipe_schema(catalog),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "registry.toml of clfw",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "schema": {"const": SCHEMA},
            **{
                section: {
                    "type": "object",
                    "propertyNames": {"pattern": f"^{NAME.pattern}$"},
                    "additionalProperties": schema,
                }
                for section, schema in sections.items()
            },
        },
    }


def entry_schema(section: Section, catalog: Catalog, kind: Kind) -> dict[str, Any]:
    """An entry of models or data: where it names its component, its values are that one's."""
    keys = plain_keys(section)
    known = catalog.names(kind)
    keys["component"]["examples"] = known
    extra = DataParams if kind == "dataset" else None
    if "train" in keys:
        for group, schema in training_schemas().items():
            keys[group] = {**schema, "description": MEANINGS[group]}
        keys["augment"] = augment_schema(catalog)
    if "sample" in keys:
        offered = {name: catalog.offers[kind, name][0].component for name in known}
        keys["sample"]["examples"] = [
            name for name, c in offered.items() if isinstance(c, Dataset) and not c.needs_path
        ]
    conditions = []
    for name in known:
        values = values_schema(catalog.find(kind, name).component, extra)
        named = {"properties": {"component": {"const": name}}, "required": ["component"]}
        conditions.append({"if": named, "then": {"properties": {"values": values}}})
    return {**closed(keys), "allOf": conditions}


def recipe_schema(catalog: Catalog) -> dict[str, Any]:
    """A recipe: model, data, and values by group."""
    keys = plain_keys("recipes")
    keys["values"] = closed(
        {
            "model": {"type": "object"},
            "data": {"type": "object"},
            **training_schemas(),
            "augment": augment_schema(catalog),
        }
    )
    share = {"type": "number", "minimum": 0, "maximum": 1}
    keys["published"] = closed(dict.fromkeys(SPLITS, share))
    return closed(keys)


def training_schemas() -> dict[str, dict[str, Any]]:
    """The groups that say how to train; those of what `train` chooses take the keys of every choice."""
    schemas = {"train": inlined(TrainParams)}
    for group, table in TABLES.items():
        keys: dict[str, list[Any]] = {}
        for entry in table.values():
            for key, schema in inlined(entry.params)["properties"].items():
                keys.setdefault(key, [])
                keys[key] += [schema] if schema not in keys[key] else []
        schemas[group] = closed(
            {key: found[0] if len(found) == 1 else {"anyOf": found} for key, found in keys.items()}
        )
    return schemas


def plain_keys(section: Section) -> dict[str, Any]:
    """Every key of a section with its type and meaning."""
    keys: dict[str, Any] = {
        key: {"type": TYPES[kind], "description": MEANINGS[key]}
        for key, kind in KEYS[section].items()
    }
    if "fetch" in keys:
        keys["fetch"]["items"] = inlined(Remote)
    return keys


def augment_schema(catalog: Catalog) -> dict[str, Any]:
    """A list of names, or of tables with `use` and values."""
    names = {"type": "string", "examples": catalog.names("augmentation")}
    table = {"type": "object", "properties": {"use": names}, "required": ["use"]}
    return {"type": "array", "items": {"anyOf": [names, table]}}


def values_schema(component: Component, extra: type[Params] | None) -> dict[str, Any]:
    """The parameters of a component, with those that core adds."""
    try:
        own = inlined(params_class(component))
    except ClfwError:  # a component whose code does not load is no reason to check nothing
        return {"type": "object"}
    if extra is not None:
        own["properties"] = {**inlined(extra)["properties"], **own["properties"]}
    return own


def inlined(cls: type[Any]) -> dict[str, Any]:
    """A parameter class as a schema without references; nothing is required of an entry."""
    schema = cls.model_json_schema()
    definitions = schema.pop("$defs", {})
    if cls is not Remote:
        schema.pop("required", None)
    resolved: dict[str, Any] = without_references(schema, definitions)
    return {**resolved, "additionalProperties": False, "properties": resolved.get("properties", {})}


def without_references(value: Any, definitions: Mapping[str, Any]) -> Any:
    """`value` with each `$ref` replaced by what it names."""
    if isinstance(value, dict):
        if "$ref" in value:
            name = str(value["$ref"]).rpartition("/")[2]
            return without_references(definitions[name], definitions)
        return {key: without_references(part, definitions) for key, part in value.items()}
    if isinstance(value, list):
        return [without_references(part, definitions) for part in value]
    return value


def closed(properties: Mapping[str, Any]) -> dict[str, Any]:
    """An object with these keys and no others."""
    return {"type": "object", "properties": dict(properties), "additionalProperties": False}
