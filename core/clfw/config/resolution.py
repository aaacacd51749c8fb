"""Components chosen by name, each with its validated parameters. No torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from clfw.api.components import Architecture, Augmentation, Component, Kind
from clfw.api.params import GROUPS, Layer, Params, Resolved, params_class, resolve
from clfw.api.task import Task
from clfw.catalog.registry import Entry
from clfw.errors import UsageError
from clfw.plugins.manager import Catalog
from clfw.plugins.plugin import Plugin
from clfw.text import did_you_mean, escape

C = TypeVar("C", bound=Component)


@dataclass(frozen=True, kw_only=True, slots=True)
class ResolvedComponent(Generic[C]):
    """A component with validated parameters.

    Attributes:
        embedded: the network that an architecture's parameters describe; see `Architecture.embeds`.
    """

    entry: str
    component: C
    plugin: Plugin
    values: Resolved[Params]
    embedded: "EmbeddedNetwork | None" = None

    @property
    def params(self) -> Params:
        """The validated parameters."""
        return self.values.params

    def to_json(self) -> dict[str, Any]:
        """Plain values, for `plan.json`."""
        return {
            "entry": self.entry,
            "component": self.component.name,
            "package": self.plugin.package,
            "version": self.plugin.version,
            "values": self.values.to_json(),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class EmbeddedNetwork:
    """A network inside another, and the task that it was made for."""

    network: ResolvedComponent[Architecture]
    task: Task


def with_embedded(
    model: ResolvedComponent[Architecture],
) -> tuple[ResolvedComponent[Architecture], ...]:
    """The network, the one inside it, the one inside that, and so on."""
    return (model, *with_embedded(model.embedded.network)) if model.embedded else (model,)


def resolve_component(
    kind: Kind, entry: Entry, catalog: Catalog, layers: Sequence[Layer], group: str
) -> ResolvedComponent[Any]:
    """The component of an entry, its own values overridden by `layers`."""
    offer = catalog.find(kind, entry.component)
    own = Layer(f"{group} entry '{entry.name}'", entry.table("values"))
    hidden = getattr(offer.component, "embeds", "")
    values = resolve(params_class(offer.component), [own, *layers], group, hidden)
    return ResolvedComponent(
        entry=entry.name, component=offer.component, plugin=offer.plugin, values=values
    )


def recipe_layers(recipe: Entry | None) -> dict[str, list[Layer]]:
    """The values of a recipe entry by group."""
    groups: dict[str, list[Layer]] = {group: [] for group in GROUPS if group != "augment"}
    if recipe is None:
        return groups
    for group, values in recipe.table("values").items():
        where = f"recipe '{recipe.name}'"
        if group == "augment":
            continue
        if group not in groups:
            raise UsageError(
                f"{where}: values.{escape(group)}: no such group",
                hint=did_you_mean(group, GROUPS, f"known: {', '.join(GROUPS)}"),
            )
        if not isinstance(values, dict):
            raise UsageError(f"{where}: values.{group}: must be a table")
        groups[group].append(Layer(where, values))
    return groups


def resolve_augmentations(
    origin: str,
    listed: Sequence[Any],
    settings: Mapping[str, Mapping[str, Any]],
    catalog: Catalog,
) -> tuple[ResolvedComponent[Augmentation], ...]:
    """The augmentations that `origin` lists, in order, overridden by the values of `--set`."""
    choices: list[ResolvedComponent[Augmentation]] = []
    for number, item in enumerate(listed, 1):
        values = dict(item) if isinstance(item, dict) else {"use": item}
        name = values.pop("use", None)
        if not isinstance(name, str) or not name:
            raise UsageError(
                f"{origin}: augment: item {number} is {escape(repr(item))}, "
                "not a name or a table with 'use'"
            )
        if ("augmentation", name) not in catalog.offers:
            known = catalog.names("augmentation")
            raise catalog.unknown("augmentation", name, known)
        if origin == "--augment" and name in [choice.entry for choice in choices]:
            raise UsageError(f"--augment: '{name}' is named twice", hint="name it once")
        offer = catalog.find("augmentation", name)
        layers = [Layer(origin, values), Layer("--set", settings.get(name, {}))]
        resolved = resolve(params_class(offer.component), layers, f"augment.{name}")
        chosen: ResolvedComponent[Any] = ResolvedComponent(
            entry=name, component=offer.component, plugin=offer.plugin, values=resolved
        )
        choices.append(chosen)
    for name in settings:
        if name not in [choice.entry for choice in choices]:
            raise UsageError(
                f"--set augment.{escape(name)}: that augmentation is not in use",
                hint=f"add --augment {escape(name)}",
            )
    return tuple(choices)


def listed_augmentations(
    asked: Sequence[str] | None, model: Entry, recipe: Entry | None
) -> tuple[str, Sequence[Any]]:
    """Where the augmentations are listed, and the list.

    `--augment`, else the recipe, else the model entry. A recipe that lists none means none: it
    stands for a published training.
    """
    if asked is not None:
        return "--augment", asked
    if recipe is not None:
        origin, listed = f"recipe '{recipe.name}'", recipe.table("values").get("augment", [])
        if not isinstance(listed, list):
            raise UsageError(f"{origin}: values.augment: must be an array of names or tables")
        return origin, listed
    return f"model entry '{model.name}'", list(model.fields.get("augment", []))
