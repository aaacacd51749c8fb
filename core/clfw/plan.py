"""Everything about a run, resolved and validated from names and values. No torch, no data read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from clfw.choices import (
    Choice,
    choose,
    choose_augmentations,
    listed_augmentations,
    recipe_layers,
)
from clfw.components import Architecture, Augmentation, Dataset
from clfw.data.datafolders import data_folder, locate, missing, require_named_folder
from clfw.data.datavalues import DataValues
from clfw.errors import UsageError, nearest, printable
from clfw.host.manager import Catalog
from clfw.host.plugin import Plugin
from clfw.host.recognising import find_data
from clfw.host.registry import Entry, Registry
from clfw.memoryformats import MemoryFormat
from clfw.params import Layer, Params, Resolved, params_class, parse_settings, resolve
from clfw.recipe import Recipe, refuse_unused


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What a person asked for.

    Attributes:
        settings: `group.key=value` texts of `--set`.
        options: values of `train` given by options of their own, by key; `--lr` for "lr".
        augment: names given by `--augment`; None for what the recipe says.
        observers: plugins that are to hear of finished epochs.
        threads, memory_budget: of the CPU; bytes of decoded pictures. None for the machine's own.
    """

    model: str = ""
    data: str = ""
    recipe: str = ""
    settings: Sequence[str] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    augment: Sequence[str] | None = None
    observers: Sequence[str] = ()
    device: str = "auto"
    data_folder: Path | None = None
    require_full: bool = False
    sample: bool = False
    threads: int | None = None
    deterministic: bool = False
    memory_budget: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class DataChoice:
    """A dataset component, where its files are, and how its pictures are prepared.

    Attributes:
        source: "full", or "sample" when the files are absent and the bundled sample stands in.
        path: where the files were found; None for a dataset without files.
        seen: what a reader saw at a path that is no entry; empty for an entry.
    """

    choice: Choice[Dataset]
    values: Resolved[DataValues]
    source: Literal["full", "sample"]
    path: Path | None
    seen: str = ""

    def to_json(self) -> dict[str, Any]:
        """For the plan file."""
        path = None if self.path is None else str(self.path)
        common = self.values.to_json()
        merged = self.choice.to_json()
        merged["values"] = {**merged["values"], **common}
        seen = {"seen": self.seen} if self.seen else {}
        return {**merged, "source": self.source, "found": path, **seen}


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """A run before it starts.

    Attributes:
        memory_format: as `--tune` measured; None for the one that usually suits the model.
    """

    model: Choice[Architecture]
    data: DataChoice
    recipe: Resolved[Recipe]
    augment: tuple[Choice[Augmentation], ...]
    recipe_name: str
    device: str
    data_folder: Path
    threads: int | None = None
    memory_format: MemoryFormat | None = None
    deterministic: bool = False
    memory_budget: int | None = None
    observers: tuple[Plugin, ...] = ()

    @property
    def parts(self) -> tuple[Choice[Any], ...]:
        """Every component that the run uses."""
        return (self.model, self.data.choice, *self.augment)

    def to_json(self) -> dict[str, Any]:
        """The content of `plan.json`."""
        return {
            "clfw": metadata.version("clfw"),
            "recipe": self.recipe_name,
            "model": self.model.to_json(),
            "data": self.data.to_json(),
            "augment": [choice.to_json() for choice in self.augment],
            "train": self.recipe.to_json(),
            "device": self.device,
            "threads": self.threads,
            "memory_format": self.memory_format,
            "deterministic": self.deterministic,
            "memory_budget": self.memory_budget,
            "observers": [plugin.name for plugin in self.observers],
        }


def resolve_plan(request: Request, catalog: Catalog, registry: Registry) -> Plan:
    """Look every name up, lay defaults, entries, recipe and options over each other, validate."""
    recipe = registry.find("recipes", request.recipe, catalog) if request.recipe else None
    names = {
        "model": request.model or (recipe.fields.get("model", "") if recipe else ""),
        "data": request.data or (recipe.fields.get("data", "") if recipe else ""),
    }
    for key, name in names.items():
        if not name:
            raise UsageError(f"--{key}: needs a name", hint="see what there is: clfw list")
    settings = parse_settings(request.settings)
    chosen = recipe_layers(recipe)
    model_entry = registry.find("models", names["model"], catalog)
    model = choose(
        "architecture",
        model_entry,
        catalog,
        [*chosen["model"], Layer("--set", settings["model"])],
        "model",
    )
    train = [
        Layer(f"model entry '{model_entry.name}'", model_entry.table("train")),
        *chosen["train"],
        Layer("--set", settings["train"]),
        *(Layer(f"--{key.replace('_', '-')}", {key: v}) for key, v in request.options.items()),
    ]
    training = resolve(Recipe, train, "train")
    refuse_unused(training)
    data_entry = find_data(names["data"], settings["data"], catalog, registry)
    data_layers = [*chosen["data"], Layer("--set", settings["data"])]
    return Plan(
        model=model,
        data=resolve_data(data_entry, catalog, data_layers, request),
        recipe=training,
        augment=choose_augmentations(
            *listed_augmentations(request.augment, model_entry, recipe),
            settings["augment"],
            catalog,
        ),
        recipe_name=request.recipe,
        device=request.device,
        data_folder=request.data_folder or data_folder(),
        observers=tuple(catalog.observer(name) for name in dict.fromkeys(request.observers)),
        threads=request.threads,
        deterministic=request.deterministic,
        memory_budget=request.memory_budget,
    )


def resolve_data(
    entry: Entry, catalog: Catalog, layers: Sequence[Layer], request: Request
) -> DataChoice:
    """The dataset, its files, or its bundled sample where they are absent."""
    offer = catalog.find("dataset", entry.component)
    cls = params_class(offer.component)
    own = Layer(f"data entry '{entry.name}'", entry.table("values"))
    both = [own, *layers]
    refuse_unknown(both, cls)
    common = resolve(DataValues, only(both, DataValues), "data")
    values = resolve(cls, only(both, cls), "data")
    choice: Choice[Any] = Choice(
        entry=entry.name, component=offer.component, plugin=offer.plugin, values=values
    )
    if not choice.component.needs_path:
        return DataChoice(choice=choice, values=common, source="full", path=None)
    sample = entry.fields.get("sample", "") or choice.component.sample
    if request.sample and (not sample or request.require_full):
        raise UsageError(
            f"--sample: data '{entry.name}' has none, or --require-full refuses it",
            hint="leave one of the two options out",
        )
    require_named_folder(request.data_folder)
    folder = request.data_folder or data_folder()
    path = None if request.sample else locate(common, entry, folder)
    if path is not None:
        return DataChoice(choice=choice, values=common, source="full", path=path, seen=entry.seen)
    if not sample or request.require_full or common.origins["path"] == "--set":
        raise missing(common, entry, folder, request.require_full)
    stand_in = Entry(
        name=entry.name, section="data", origin=entry.origin, fields={"component": sample}
    )
    for key in layers[-1].values:
        if key not in DataValues.model_fields:
            raise UsageError(
                f"--set: data.{printable(key)}: has no effect on the bundled sample, and the files "
                f"of '{entry.name}' are not there",
                hint="leave it out, or name the folder of the full set with --data-dir",
            )
    choice = choose("dataset", stand_in, catalog, [], "data")
    return DataChoice(choice=choice, values=common, source="sample", path=None)


def refuse_unknown(layers: Sequence[Layer], cls: type[Params]) -> None:
    """Every key of the data group belongs to the reader or to core."""
    known = [*cls.model_fields, *DataValues.model_fields]
    for layer in layers:
        for key in layer.values:
            if key not in known:
                raise UsageError(
                    f"{layer.origin}: data.{printable(key)}: no such parameter",
                    hint=nearest(key, known, f"known: {', '.join(known)}"),
                )


def only(layers: Sequence[Layer], cls: type[Params]) -> list[Layer]:
    """`layers` with the keys that `cls` has."""
    return [
        Layer(layer.origin, {k: v for k, v in layer.values.items() if k in cls.model_fields})
        for layer in layers
    ]
