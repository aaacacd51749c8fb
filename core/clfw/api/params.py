"""Typed parameters: validation of what people write, where each value came from, descriptions."""

import datetime
import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Generic, TypeVar, cast

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from clfw.api.components import Component, load
from clfw.errors import UsageError
from clfw.text import did_you_mean, escape

TRAINING_GROUPS = ("train", "optimizer", "schedule", "loss")
GROUPS = ("model", "data", *TRAINING_GROUPS, "augment")  # what `--set GROUP.KEY=VALUE` reaches


class Params(BaseModel):
    """Base of every parameter class: unknown keys, other types, infinities and changes are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class NoParams(Params):
    """For a component without parameters."""


P = TypeVar("P", bound=Params)


@dataclass(frozen=True, slots=True)
class Layer:
    """Values from one place: a registry entry, a recipe, the command line."""

    origin: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Resolved(Generic[P]):
    """Validated parameters, and for every one the place its value came from."""

    params: P
    origins: Mapping[str, str]

    def to_json(self) -> dict[str, dict[str, Any]]:
        """`{name: {"value": ..., "origin": ...}}` for the plan."""
        values = self.params.model_dump(mode="json")
        return {key: {"value": values[key], "origin": self.origins[key]} for key in values}


def params_class(component: Component) -> type[Params]:
    """The parameter class that a component names, or the empty one."""
    return cast(type[Params], load(component.params)) if component.params else NoParams


def resolve(cls: type[P], layers: Iterable[Layer], where: str, hidden: str = "") -> Resolved[P]:
    """Lay `layers` over the defaults of `cls`, later ones on top, and validate.

    `hidden` is a parameter that no layer may set.

    Raises:
        UsageError: names the layer, `where.key`, the value seen and what is allowed.
    """
    merged: dict[str, Any] = {}
    origins = dict.fromkeys(cls.model_fields, "default")
    known = [name for name in cls.model_fields if name != hidden]
    for layer in layers:
        for key, value in layer.values.items():
            if key not in known:
                raise UsageError(
                    f"{layer.origin}: {where}.{escape(key)}: no such parameter",
                    hint=did_you_mean(key, known, known_parameters(known)),
                )
            merged[key] = value
            origins[key] = layer.origin
    try:
        # Through JSON, where a list may fill a tuple although the types are strict.
        params = cls.model_validate_json(json.dumps(merged, default=str))
    except ValidationError as error:
        raise invalid(error.errors(), cls, origins, where) from None
    return Resolved(params, origins)


def invalid(
    details: Sequence[ErrorDetails], cls: type[Params], origins: Mapping[str, str], where: str
) -> UsageError:
    """The error for the first value that does not validate, with all that would be allowed."""
    # A value of several types has a fault for each of them; the one furthest inside says most.
    detail = max(details, key=lambda d: len(inside(d)))
    if not detail["loc"]:  # values that do not go together
        layers = dict.fromkeys(origin for origin in origins.values() if origin != "default")
        return UsageError(f"{', '.join(layers) or 'default'}: {where}: {in_words(detail)}")
    key = str(detail["loc"][0])
    described = cls.model_fields[key].description if key in cls.model_fields else ""
    if detail["type"] == "missing" and len(detail["loc"]) == 1:
        return UsageError(
            f"{where}.{key}: needs a value ({described})", hint=f"add --set {where}.{key}=VALUE"
        )
    path = place(detail)
    ways = dict.fromkeys(in_words(d) for d in details if place(d) == path)
    allowed = " or ".join(way.removeprefix("must be ") for way in ways)
    verb = "must be " if in_words(detail).startswith("must be ") else ""
    seen = escape(json.dumps(detail["input"], default=str), 60)
    field = cls.model_json_schema()["properties"][key]
    bounds = range_in_words(field)
    hint = f"{key}: {described}{f' [{bounds}]' if bounds else ''}" if described else ""
    if origins[key] == "--set" and path == key and (form := list_form(field, detail["input"])):
        hint = f"{hint}{'; ' if hint else ''}as in --set '{where}.{key}={form}'"
    return UsageError(f"{origins[key]}: {where}.{path}: {verb}{allowed}, is {seen}", hint=hint)


def list_form(field: Mapping[str, Any], seen: Any) -> str:
    """A list of numbers as it is written for a field, of those in `seen` where they are enough.

    Empty for a field that takes none, and where `seen` is a list already.
    """
    options = [o for o in (field, *field.get("anyOf", ())) if o.get("type") == "array"]
    if not options or isinstance(seen, list | dict) or str(seen).startswith("{"):
        return ""
    words = re.findall(r"(?<![\d.])\d{1,9}(?:\.\d{1,9})?", str(seen))
    found: list[int | float] = [float(word) if "." in word else int(word) for word in words]
    least, most = options[0].get("minItems", 1), options[0].get("maxItems", len(found))
    numbers = found if least <= len(found) <= most else field.get("default")
    return json.dumps(numbers, separators=(",", ":")) if isinstance(numbers, list) else ""


def place(detail: ErrorDetails) -> str:
    """Where a fault is, as in "betas.1"; without the words that pydantic has for types."""
    return ".".join([str(detail["loc"][0]), *inside(detail)])


def inside(detail: ErrorDetails) -> list[str]:
    """The numbers and keys that lead to a fault inside a value."""
    return [
        escape(str(part), 40)
        for above, part in pairwise(detail["loc"])
        if isinstance(part, int) or str(above).startswith("dict[")
    ]


def in_words(detail: ErrorDetails) -> str:
    """What pydantic says of a fault, as the end of a sentence."""
    known = {
        "missing": "is missing",
        "too_long": "must be shorter",
        "json_invalid": "a value is not valid Unicode text",
    }
    what = detail["msg"].removeprefix("Value error, ")
    what = what.replace("greater than or equal to", ">=").replace("less than or equal to", "<=")
    return known.get(detail["type"], what.replace("Input should be ", "must be ", 1))


def known_parameters(names: Sequence[str]) -> str:
    """A hint that lists what can be set."""
    return f"known: {', '.join(names)}" if names else "it has no parameters"


def parse_settings(settings: Iterable[str]) -> dict[str, dict[str, Any]]:
    """`["train.lr=0.01", ...]` as `{"train": {"lr": 0.01}}`; the right side is TOML, else text.

    `augment.NAME.KEY=VALUE` nests one deeper. Raises `UsageError` for another shape.
    """
    parsed: dict[str, dict[str, Any]] = {group: {} for group in GROUPS}
    for setting in settings:
        left, equals, right = setting.partition("=")
        parts = left.strip().split(".")
        depth = 3 if parts[0] == "augment" else 2
        if not equals or len(parts) != depth or not all(parts):
            raise UsageError(
                f"--set '{escape(setting)}': must look like model.width=8, data.image_size=28, "
                "train.lr=0.01, schedule.warmup=0.1 or augment.rotate.degrees=10"
            )
        if parts[0] not in GROUPS:
            raise UsageError(
                f"--set '{escape(setting)}': unknown group '{escape(parts[0])}'",
                hint=did_you_mean(parts[0], GROUPS, f"known: {', '.join(GROUPS)}"),
            )
        target = parsed[parts[0]]
        if depth == 3:
            target = target.setdefault(parts[1], {})
        target[parts[-1]] = toml_value(right.strip())
    return parsed


def toml_value(text: str) -> Any:
    """`text` as a TOML value, or as a plain string where it is none or a date."""
    try:
        document = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):  # no TOML, a number without end, brackets without end
        return text
    value = document["value"]
    plain = set(document) == {"value"} and not isinstance(value, (datetime.date, datetime.time))
    return value if plain else text


@dataclass(frozen=True, kw_only=True, slots=True)
class Described:
    """One parameter in words."""

    name: str
    kind: str
    default: str
    allowed: str
    meaning: str


def describe(cls: type[Params]) -> list[Described]:
    """Every parameter with its type, default, range and meaning, from the JSON schema."""
    schema = cls.model_json_schema()
    rows = []
    for name, field in schema.get("properties", {}).items():
        rows.append(
            Described(
                name=name,
                kind=kind_in_words(field),
                default=json.dumps(field["default"]) if "default" in field else "required",
                allowed=range_in_words(field),
                meaning=field.get("description", ""),
            )
        )
    return rows


def kind_in_words(field: Mapping[str, Any]) -> str:
    """The JSON type of a schema field, alternatives joined by "or"."""
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(kind_in_words(option) for option in field["anyOf"]))
    if "enum" in field:
        return "choice"
    if "const" in field:
        return json.dumps(field["const"])
    return str(field.get("type", "any")).replace("null", "none")


def range_in_words(field: Mapping[str, Any]) -> str:
    """The bounds of a schema field, as in ">= 1, < 10"."""
    if "enum" in field:
        return ", ".join(map(str, field["enum"]))
    words = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
    bounds = [f"{words[key]} {field[key]}" for key in words if key in field]
    inner = [range_in_words(option) for option in field.get("anyOf", ())]
    return ", ".join(dict.fromkeys(filter(None, bounds + inner)))
