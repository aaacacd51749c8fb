"""Typed parameters: validation of what people write, where each value came from, descriptions."""

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from clfw.components import Component, load
from clfw.errors import UsageError, nearest, printable


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
    found: Any = load(component.params) if component.params else NoParams
    return found  # type: ignore[no-any-return]


def resolve(cls: type[P], layers: Iterable[Layer], where: str) -> Resolved[P]:
    """Lay `layers` over the defaults of `cls`, later ones on top, and validate.

    Raises:
        UsageError: names the layer, `where.key`, the value seen and what is allowed.
    """
    merged: dict[str, Any] = {}
    origins = dict.fromkeys(cls.model_fields, "default")
    for layer in layers:
        for key, value in layer.values.items():
            if key not in cls.model_fields:
                raise UsageError(
                    f"{layer.origin}: {where}.{printable(key)}: no such parameter",
                    hint=nearest(key, cls.model_fields, known_parameters(cls)),
                )
            merged[key] = value
            origins[key] = layer.origin
    try:
        # Through JSON, where a list may fill a tuple although the types are strict.
        params = cls.model_validate_json(json.dumps(merged))
    except ValidationError as error:
        raise invalid(error.errors()[0], cls, origins, where) from None
    return Resolved(params, origins)


def invalid(
    detail: ErrorDetails, cls: type[Params], origins: Mapping[str, str], where: str
) -> UsageError:
    """The error for the first value that does not validate."""
    path = ".".join(
        str(part) for part in detail["loc"] if isinstance(part, int) or part in cls.model_fields
    )
    key = str(detail["loc"][0]) if detail["loc"] else ""
    origin = origins.get(key, "values")
    what = detail["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    verb = "must be " if detail["msg"].startswith("Input should be") else ""
    seen = printable(json.dumps(detail["input"], default=str), 60)
    described = cls.model_fields[key].description if key in cls.model_fields else ""
    if detail["type"] == "missing":
        return UsageError(
            f"{where}.{path}: needs a value ({described})", hint=f"add --set {where}.{path}=VALUE"
        )
    return UsageError(
        f"{origin}: {where}.{path or 'values'}: {verb}{what}, is {seen}",
        hint=f"{key}: {described}" if described else "",
    )


def known_parameters(cls: type[Params]) -> str:
    """A hint that lists what can be set."""
    return f"known: {', '.join(cls.model_fields)}" if cls.model_fields else "it has no parameters"


def parse_settings(settings: Iterable[str]) -> dict[str, dict[str, Any]]:
    """`["train.lr=0.01", ...]` as `{"train": {"lr": 0.01}}`; the right side is TOML, else text.

    `augment.NAME.KEY=VALUE` nests one deeper. Raises `UsageError` for another shape.
    """
    roots = ("model", "data", "train", "augment")
    parsed: dict[str, dict[str, Any]] = {root: {} for root in roots}
    for setting in settings:
        left, equals, right = setting.partition("=")
        parts = left.strip().split(".")
        depth = 3 if parts[0] == "augment" else 2
        if not equals or len(parts) != depth or not all(parts):
            raise UsageError(
                f"--set '{printable(setting)}': must look like model.width=8, data.image_size=28, "
                "train.lr=0.01 or augment.rotate.degrees=10"
            )
        if parts[0] not in roots:
            raise UsageError(
                f"--set '{printable(setting)}': unknown group '{printable(parts[0])}'",
                hint=nearest(parts[0], roots, f"known: {', '.join(roots)}"),
            )
        target = parsed[parts[0]]
        if depth == 3:
            target = target.setdefault(parts[1], {})
        target[parts[-1]] = toml_value(right.strip())
    return parsed


def toml_value(text: str) -> Any:
    """`text` as a TOML value, or as a plain string where it is none."""
    try:
        value = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return value["value"] if set(value) == {"value"} else text


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
