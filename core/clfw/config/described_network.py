"""Networks that a weights file describes, found among the plugins of the command. No torch."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from clfw.api.components import Architecture
from clfw.api.params import Layer, params_class, resolve
from clfw.api.task import Task
from clfw.config.resolution import EmbeddedNetwork, ResolvedComponent
from clfw.errors import DataError, PluginError, UsageError
from clfw.plugins.manager import Catalog
from clfw.text import escape


def find_network(
    described: Mapping[str, Any], catalog: Catalog, where: str
) -> ResolvedComponent[Architecture]:
    """The architecture of a description with the described values, and what is inside it.

    Raises:
        PluginError: no plugin offers it; names the package that did.
        DataError: its values do not fit the architecture, or the description is malformed.
    """
    name, package = str(described.get("component", "")), escape(str(described.get("package", "")))
    try:
        offer = catalog.find("architecture", name)
    except PluginError as error:
        made = f" (the weights were made with {package})" if package else ""
        hint = error.hint if package in ("", "clfw") else f"install the package '{package}'"
        if package.endswith(".py"):
            hint = f"name the plugin file: --plugin {package}"
        raise PluginError(f"{where}: {error.message}{made}", hint=hint) from None
    assert isinstance(offer.component, Architecture)
    try:
        layer = Layer(where, described["values"])
        values = resolve(params_class(offer.component), [layer], "model")
    except UsageError as error:
        raise DataError(
            error.message, hint="install the version of the package that wrote the file"
        ) from None
    found = ResolvedComponent(
        entry=name, component=offer.component, plugin=offer.plugin, values=values
    )
    return embed(found, catalog, where)


def embed(
    model: ResolvedComponent[Architecture], catalog: Catalog, where: str
) -> ResolvedComponent[Architecture]:
    """`model` with the network that its parameters describe, if they do; `where` for errors.

    Raises:
        PluginError: no plugin offers that network.
        DataError: the description is malformed, or its values do not fit the architecture.
    """
    field = model.component.embeds
    described = getattr(model.params, field) if field else {}
    if not described:
        return model
    try:
        channels, height, width = map(int, described["input"])
        task = Task(
            classes=tuple(map(str, range(described["classes"]))),
            channels=channels,
            height=height,
            width=width,
        )
        network = find_network(described, catalog, f"{where}: {field}")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{where}: model.{field}: damaged: {escape(repr(error))}") from None
    return replace(model, embedded=EmbeddedNetwork(network=network, task=task))
