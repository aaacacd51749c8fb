"""Finds installed plugins, keeps broken ones apart, and gathers what the others offer."""

import contextlib
import importlib
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path
from typing import Literal

import pluggy

from clfw import hookspecs
from clfw.components import KINDS, Component, Kind, kind_of
from clfw.errors import ClfwError, PluginError, UsageError, nearest, printable

GROUP = "clfw"
DISABLE = "CLFW_DISABLE_PLUGINS"
NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
KIND_OF_HOOK: dict[str, Kind] = {f"clfw_{kind}s": kind for kind in KINDS}


@dataclass(frozen=True, kw_only=True, slots=True)
class Plugin:
    """One entry point of group `clfw` and how loading it went."""

    name: str
    module: str
    package: str
    version: str
    state: Literal["ok", "off", "broken"] = "ok"
    reason: str = ""
    import_ms: float = 0.0
    components: tuple[Component, ...] = ()

    @property
    def origin(self) -> str:
        """Package and version, as people write them."""
        return f"{self.package} {self.version}"


@dataclass(frozen=True, slots=True)
class Offer:
    """A component and the plugin it comes from."""

    component: Component
    plugin: Plugin


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything installed plugins offer, by kind and name."""

    plugins: tuple[Plugin, ...]
    offers: Mapping[tuple[Kind, str], tuple[Offer, ...]] = field(default_factory=dict)

    def names(self, kind: Kind) -> list[str]:
        """Names of the components of `kind` that one plugin alone offers."""
        return [name for (k, name), offers in self.offers.items() if k == kind and len(offers) == 1]

    def clashes(self) -> Iterator[tuple[Kind, str, tuple[Offer, ...]]]:
        """Names that more than one plugin offers: none of them can be used until one is off."""
        for (kind, name), offers in self.offers.items():
            if len(offers) > 1:
                yield kind, name, offers

    def find(self, kind: Kind, name: str) -> Offer:
        """The one offer of that name; `PluginError` when there is none or more than one."""
        offers = self.offers.get((kind, name), ())
        if len(offers) == 1:
            return offers[0]
        if offers:
            first, second = offers[0].plugin, offers[1].plugin
            one = second.name if second.name != first.name else second.package
            raise PluginError(
                f"{kind} '{name}': offered by both {first.origin} ('{first.name}') "
                f"and {second.origin} ('{second.name}')",
                hint=f"switch one off: {DISABLE}={one}",
            )
        error = self.unknown(kind, name, self.names(kind))
        raise PluginError(error.message, hint=error.hint)

    def unknown(self, what: str, name: str, known: Iterable[str]) -> ClfwError:
        """The error for a name that nothing has.

        It is a plugin's where one that is broken or off may be what has the name: it bears the name
        itself, or no known name resembles it. Otherwise it is a mistake in the name.
        """
        absent = [p for p in self.plugins if p.state != "ok"]
        suspects = [p for p in absent if name in (p.name, p.package)] or absent
        also = "".join(
            f"; plugin '{p.name}' of {p.origin} is {p.state}"
            + (f": {p.reason}" if p.state == "broken" else "")
            for p in suspects[:3]
        )
        message = f"no {what} named '{printable(name)}'{also}"
        hint = nearest(name, known)
        if suspects and (suspects != absent or not hint):
            return PluginError(message, hint=f"see why: {suspects[0].name} in clfw plugins")
        return UsageError(message, hint=hint or "see what there is: clfw list")


def installed_catalog(disabled: Iterable[str] = ()) -> Catalog:
    """Load every installed plugin that is not switched off, by option or by environment."""
    off = {*disabled, *(name.strip() for name in os.environ.get(DISABLE, "").split(","))}
    found = list(entry_points())
    known = {name for plugin in found for name in (plugin.name, plugin.package)}
    for name in disabled:
        if name not in known:
            raise UsageError(
                f"--disable-plugin: no plugin named '{printable(name)}' is installed",
                hint=nearest(name, known, "see what there is: clfw plugins"),
            )
    host = pluggy.PluginManager(hookspecs.PROJECT)
    host.add_hookspecs(hookspecs)
    plugins = [
        replace(plugin, state="off", reason="switched off")
        if off & {plugin.name, plugin.package}
        else admit(host, plugin)
        for plugin in found
    ]
    return gather(plugins)


def entry_points() -> Iterator[Plugin]:
    """The entry points of group `clfw`, read distribution by distribution.

    `importlib.metadata.entry_points` lets one unreadable distribution fail them all.
    """
    seen: set[tuple[str, str]] = set()
    for distribution in metadata.distributions():
        try:
            text = distribution.read_text("entry_points.txt")
            if not text or f"[{GROUP}]" not in text:
                continue
            folder = Path(getattr(distribution, "_path", "unknown")).name
            package = printable(distribution.name or folder, 80)  # a folder may lack METADATA
            version = printable(distribution.version or "0", 30)
            for point in distribution.entry_points.select(group=GROUP):
                if (package, point.name) not in seen:  # a path listed twice shows one package twice
                    seen.add((package, point.name))
                    yield Plugin(
                        name=printable(point.name, 80),
                        module=printable(point.value, 200),
                        package=package,
                        version=version,
                    )
        except Exception as error:
            where = printable(str(getattr(distribution, "_path", "a distribution")))
            warn(f"{where}: cannot read its metadata: {first_line(error)}; skipped")


def admit(host: pluggy.PluginManager, plugin: Plugin) -> Plugin:
    """Import one plugin and read what it offers; a failure becomes its state, never an exception."""
    start = time.perf_counter()
    try:
        with contextlib.redirect_stdout(sys.stderr):  # stdout is for results
            module = importlib.import_module(plugin.module)
            components = register(host, plugin, module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too: a plugin must not end the tool
        return replace(plugin, state="broken", reason=first_line(error))
    elapsed = (time.perf_counter() - start) * 1000
    return replace(plugin, components=components, import_ms=elapsed)


def register(host: pluggy.PluginManager, plugin: Plugin, module: object) -> tuple[Component, ...]:
    """Register with pluggy and call the declaring hooks; undoes the registration on any failure."""
    if not NAME.fullmatch(plugin.name):
        raise PluginError(f"entry point name '{printable(plugin.name)}' is not lower_snake")
    key = f"{plugin.package}:{plugin.name}"
    try:
        host.register(module, name=key)
        callers = host.get_hookcallers(module) or []
        unknown = [caller.name for caller in callers if not caller.has_spec()]
        if unknown:
            hint = nearest(unknown[0], KIND_OF_HOOK)
            raise PluginError(f"unknown hook '{unknown[0]}'; {hint}".rstrip("; "))
        return tuple(item for caller in callers for item in offered(module, caller.name))
    except BaseException as error:
        if host.has_plugin(key):  # pluggy keeps a plugin whose hook has a wrong signature
            host.unregister(name=key)
        if isinstance(error, pluggy.PluginValidationError):  # says what is wrong on its last line
            raise PluginError(" ".join(str(error).split())) from None
        raise


def offered(module: object, hook: str) -> list[Component]:
    """What a module's implementation of `hook` returns, each component checked."""
    try:
        returned = getattr(module, hook)()
        items = list(returned) if isinstance(returned, Iterable) else None
    except Exception as error:
        raise PluginError(f"hook {hook} raised {first_line(error)}") from error
    if items is None:
        raise PluginError(f"hook {hook} returned {type(returned).__name__}, not a list")
    return [checked(item, KIND_OF_HOOK[hook]) for item in items]


def checked(item: object, kind: Kind) -> Component:
    """`item`, once it is a well-formed component of `kind`."""
    if not isinstance(item, KINDS[kind]):
        raise PluginError(f"hook clfw_{kind}s returned {type(item).__name__}, not {kind}")
    component: Component = item
    if not isinstance(component.name, str) or not NAME.fullmatch(component.name):
        raise PluginError(f"{kind} name '{printable(str(component.name))}' is not lower_snake")
    return component


def gather(plugins: Iterable[Plugin]) -> Catalog:
    """A catalog of what `plugins` offer; a name offered twice keeps both offers, as a clash."""
    plugins = tuple(plugins)
    offers: dict[tuple[Kind, str], tuple[Offer, ...]] = {}
    for plugin in plugins:
        for component in plugin.components:
            key = (kind_of(component), component.name)
            offers[key] = (*offers.get(key, ()), Offer(component, plugin))
    return Catalog(plugins, offers)


def warn_of_broken(catalog: Catalog) -> None:
    """One line on stderr for each broken plugin, with the way to silence it."""
    for plugin in catalog.plugins:
        if plugin.state == "broken":
            warn(
                f"plugin '{plugin.name}' of {plugin.origin}: {plugin.reason}; skipped "
                f"(silence with {DISABLE}={plugin.name})"
            )


def warn(message: str) -> None:
    """One warning line on stderr."""
    print(f"warning: {message}", file=sys.stderr)


def first_line(error: BaseException) -> str:
    """The first line of an exception's text, or its type where it says nothing."""
    text = str(error).strip().splitlines()
    name = type(error).__name__
    return printable(
        f"{name}: {text[0]}"
        if text and not isinstance(error, PluginError)
        else (text[0] if text else name),
        200,
    )
