"""Everything about a run, resolved and validated from names and values. No torch, no data read."""

from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from clfw.api.components import Architecture, Augmentation
from clfw.api.params import TRAINING_GROUPS, Layer, Resolved, parse_settings
from clfw.catalog.detection import find_data
from clfw.catalog.registry import Registry
from clfw.config.data_choice import DataChoice, Request, resolve_data
from clfw.config.data_folders import data_folder
from clfw.config.memory import MemoryFormat
from clfw.config.recipe import Recipe, recipe_to_json, resolve_recipe
from clfw.config.resolution import (
    ResolvedComponent,
    listed_augmentations,
    recipe_layers,
    resolve_augmentations,
    resolve_component,
    with_embedded,
)
from clfw.errors import UsageError
from clfw.plugins.manager import Catalog
from clfw.plugins.plugin import Plugin


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """A run before it starts.

    Attributes:
        memory_format: as `--autotune` measured; None for the one that usually suits the model.
    """

    model: ResolvedComponent[Architecture]
    data: DataChoice
    recipe: Resolved[Recipe]
    augment: tuple[ResolvedComponent[Augmentation], ...]
    recipe_name: str
    device: str
    data_folder: Path
    threads: int | None = None
    memory_format: MemoryFormat | None = None
    deterministic: bool = False
    memory_budget: int | None = None
    loggers: tuple[Plugin, ...] = ()

    @property
    def parts(self) -> tuple[ResolvedComponent[Any], ...]:
        """Every component that the run uses."""
        return (*with_embedded(self.model), self.data.reader, *self.augment)

    def to_json(self) -> dict[str, Any]:
        """The content of `plan.json`."""
        return {
            "clfw": metadata.version("clfw"),
            "recipe": self.recipe_name,
            "model": self.model.to_json(),
            "data": self.data.to_json(),
            "augment": [choice.to_json() for choice in self.augment],
            **recipe_to_json(self.recipe),
            "device": self.device,
            "threads": self.threads,
            "memory_format": self.memory_format,
            "deterministic": self.deterministic,
            "memory_budget": self.memory_budget,
            "observers": [plugin.name for plugin in self.loggers],
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
            raise UsageError(f"--{key}: needs a name", hint="list them all: clfw list")
    settings = parse_settings(request.settings)
    chosen = recipe_layers(recipe)
    model_entry = registry.find("models", names["model"], catalog)
    model = resolve_component(
        "architecture",
        model_entry,
        catalog,
        [*chosen["model"], Layer("--set", settings["model"])],
        "model",
    )
    training = {
        group: [
            Layer(f"model entry '{model_entry.name}'", model_entry.table(group)),
            *chosen[group],
            Layer("--set", settings[group]),
        ]
        for group in TRAINING_GROUPS
    }
    training["train"] += [
        Layer(f"--{key.replace('_', '-')}", {key: v}) for key, v in request.options.items()
    ]
    data_entry = find_data(names["data"], settings["data"], catalog, registry)
    data_layers = [*chosen["data"], Layer("--set", settings["data"])]
    return Plan(
        model=model,
        data=resolve_data(data_entry, catalog, data_layers, request),
        recipe=resolve_recipe(training),
        augment=resolve_augmentations(
            *listed_augmentations(request.augment, model_entry, recipe),
            settings["augment"],
            catalog,
        ),
        recipe_name=request.recipe,
        device=request.device,
        data_folder=request.data_folder or data_folder(),
        loggers=tuple(catalog.logger(name) for name in dict.fromkeys(request.loggers)),
        threads=request.threads,
        deterministic=request.deterministic,
        memory_budget=request.memory_budget,
    )
