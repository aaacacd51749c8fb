"""Finds installed plugins, sets broken ones aside, and collects what the others offer."""

import contextlib
import importlib
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pluggy

from clfw.api import hookspecs
from clfw.api.components import KINDS, Component, Kind, kind_of
from clfw.errors import ClfwError, PluginError, UsageError
from clfw.io.interrupts import noting_interrupts
from clfw.plugins.api_version import check_requirement
from clfw.plugins.entry_points import entry_points
from clfw.plugins.plugin import Plugin
from clfw.plugins.plugin_files import import_file, named_files
from clfw.plugins.probe_results import read_probe_results, reason_of
from clfw.text import did_you_mean, escape

DISABLE = "CLFW_DISABLE_PLUGINS"
NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
KIND_OF_HOOK: dict[str, Kind] = {f"clfw_{kind}s": kind for kind in KINDS}
EPOCH_HOOK, PLANNED_HOOK = "clfw_epoch_finished", "clfw_run_planned"


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
        """Names of the components of `kind` that exactly one plugin offers."""
        return [name for (k, name), offers in self.offers.items() if k == kind and len(offers) == 1]

    def clashes(self) -> Iterator[tuple[Kind, str, tuple[Offer, ...]]]:
        """Names that several plugins offer: unusable until all but one are switched off."""
        for (kind, name), offers in self.offers.items():
            if len(offers) > 1:
                yield kind, name, offers

    def clash_of(self, plugin: Plugin) -> str:
        """What both `plugin` and another offer, with both packages; empty for nothing."""
        return "; ".join(
            f"{kind} '{name}' is offered by " + " and ".join(o.plugin.origin for o in offers)
            for kind, name, offers in self.clashes()
            if plugin.identity in [offer.plugin.identity for offer in offers]
        )

    def find(self, kind: Kind, name: str) -> Offer:
        """The one offer of that name; `PluginError` if there is none, or several."""
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

    def logger(self, name: str) -> Plugin:
        """The plugin of that name that hears of finished epochs; `ClfwError` where there is none."""
        hearing = {plugin.name: plugin for plugin in self.plugins if plugin.observer is not None}
        if name in hearing:
            return hearing[name]
        raise self.unknown("plugin notified after each epoch is", name, hearing, "clfw plugins")

    def unknown(
        self, what: str, name: str, known: Iterable[str], listing: str = "clfw list"
    ) -> ClfwError:
        """The error for an unknown name; `listing` is the command that shows the known ones.

        A `PluginError` if a plugin that is broken or off may provide the name: it has the name itself,
        or no known name resembles it. Otherwise the name is mistyped: a `UsageError`.
        """
        absent = [p for p in self.plugins if p.state != "ok"]
        suspects = [p for p in absent if name in (p.name, p.package)] or absent
        also = "".join(
            f"; plugin '{p.name}' of {p.origin} is {p.state}"
            + (f": {p.reason}" if p.state == "broken" else "")
            for p in suspects[:3]
        )
        message = f"no {what} named '{escape(name)}'{also}"
        hint = did_you_mean(name, known)
        if suspects and (suspects != absent or not hint):
            remedy = suspects[0].remedy or f"switch it on, without {DISABLE}={suspects[0].name}"
            return PluginError(message, hint=f"{remedy}; all of them: clfw plugins")
        return UsageError(message, hint=hint or f"list them all: {listing}")


def installed_catalog(
    disabled: Iterable[str] = (), files: Sequence[Path] = (), absent: Sequence[str] = ()
) -> Catalog:
    """Load every installed plugin and plugin file that is not switched off."""
    found = discover_plugins(disabled, files, absent)
    host = new_host()
    return build_catalog(
        load_plugin(host, plugin) if plugin.state == "ok" else plugin for plugin in found
    )


def discover_plugins(
    disabled: Iterable[str] = (),
    files: Sequence[Path] = (),
    absent: Sequence[str] = (),
    use_probe_results: bool = True,
) -> list[Plugin]:
    """Every plugin, none of them imported yet; those that must not be are marked off or broken.

    Off are those named by `disabled` or the environment; broken are those whose package requires
    another clfw, and those that failed their probe. `absent` may be disabled without being installed.
    """
    found = [*entry_points(warn), *named_files(files)]
    known = {name for plugin in found for name in (plugin.name, plugin.package)}
    for name in disabled:
        if name not in known and name not in absent:
            raise UsageError(
                f"--disable-plugin: no plugin named '{escape(name)}' is installed",
                hint=did_you_mean(name, known, "list them all: clfw plugins"),
            )
    off = {*disabled, *(name.strip() for name in os.environ.get(DISABLE, "").split(","))}
    ours = next((plugin.version for plugin in found if plugin.package == "clfw"), "")
    results = read_probe_results() if use_probe_results else {}
    checked = []
    for plugin in found:
        if off & {plugin.name, plugin.package}:
            plugin = replace(plugin, state="off", reason="switched off")
        elif reason := reason_of(plugin, results):
            remedy = "probe it again: clfw doctor"
            plugin = replace(plugin, state="broken", reason=reason, remedy=remedy)
        else:
            plugin = check_requirement(plugin, ours)
        checked.append(plugin)
    return checked


def new_host() -> pluggy.PluginManager:
    """A pluggy manager with our hooks and no plugin."""
    host = pluggy.PluginManager(hookspecs.PROJECT)
    host.add_hookspecs(hookspecs)
    return host


def load_plugin(host: pluggy.PluginManager, plugin: Plugin) -> Plugin:
    """Import one plugin and read what it offers; a failure becomes its state, never an exception."""
    start = time.perf_counter()
    with noting_interrupts() as interrupts:
        try:
            with contextlib.redirect_stdout(sys.stderr):  # stdout is for results
                loaded = register(host, plugin, import_plugin(plugin))
        except BaseException as error:  # SystemExit too: a plugin must not end the tool
            if isinstance(error, KeyboardInterrupt) and interrupts:
                warn(f"stopped while importing plugin '{plugin.name}' of {plugin.origin}; "
                     "if it hangs, clfw doctor finds out")  # fmt: skip
                raise
            remedy = getattr(error, "hint", "") or remedy_for(error, plugin)
            return replace(plugin, state="broken", reason=first_line(error), remedy=remedy)
    return replace(loaded, import_ms=(time.perf_counter() - start) * 1000)


def import_plugin(plugin: Plugin) -> object:
    """The plugin's module, from its file or its package."""
    return import_file(plugin) if plugin.file else importlib.import_module(plugin.module)


def remedy_for(error: BaseException, plugin: Plugin) -> str:
    """What fixes a plugin that does not load."""
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    from clfw.plugins.renamed import new_name

    if missing and missing != plugin.module and not new_name(error):
        return f"pip install {missing.partition('.')[0]}"
    return f"fix {plugin.file}" if plugin.file else f"pip install -U {plugin.package}"


def register(host: pluggy.PluginManager, plugin: Plugin, module: object) -> Plugin:
    """Register with pluggy and call the declaring hooks; undoes the registration on any failure."""
    if not NAME.fullmatch(plugin.name):
        raise PluginError(f"entry point name '{escape(plugin.name)}' is not lower_snake")
    key = f"{plugin.package}:{plugin.name}"
    try:
        host.register(module, name=key)
        callers = host.get_hookcallers(module) or []
        unknown = [caller.name for caller in callers if not caller.has_spec()]
        if unknown:
            hint = did_you_mean(unknown[0], [*KIND_OF_HOOK, EPOCH_HOOK, PLANNED_HOOK])
            raise PluginError(f"unknown hook '{unknown[0]}'; {hint}".rstrip("; "))
        calls = {
            caller.name: hook_call(implementation)
            for caller in callers
            for implementation in caller.get_hookimpls()
            if implementation.plugin is module
        }
        declared = [name for name in calls if name in KIND_OF_HOOK]
        return replace(
            plugin,
            components=tuple(
                item for name in declared for item in declared_components(calls[name], name)
            ),
            observer=calls.get(EPOCH_HOOK),
            on_run_planned=calls.get(PLANNED_HOOK),
        )
    except BaseException as error:
        if host.has_plugin(key):  # pluggy keeps a plugin whose hook has a wrong signature
            host.unregister(name=key)
        if isinstance(error, pluggy.PluginValidationError):  # says what is wrong on its last line
            raise PluginError(" ".join(str(error).split())) from None
        raise


def hook_call(implementation: pluggy.HookImpl) -> Callable[..., Any]:
    """A hook implementation as a function of everything the hook is given.

    An implementation may take fewer arguments, so that a new argument breaks no plugin.
    """
    return lambda **facts: implementation.function(*[facts[a] for a in implementation.argnames])


def declared_components(call: Callable[[], Any], hook: str) -> list[Component]:
    """The components that an implementation of the declaring `hook` returns, each one checked."""
    try:
        returned = call()
        items = list(returned) if isinstance(returned, Iterable) else None
    except Exception as error:
        raise PluginError(f"hook {hook} raised {first_line(error)}") from error
    if items is None:
        raise PluginError(f"hook {hook} returned {type(returned).__name__}, not a list")
    return [check_component(item, KIND_OF_HOOK[hook]) for item in items]


def check_component(item: object, kind: Kind) -> Component:
    """`item`, if it is a well-formed component of `kind`; else `PluginError`."""
    if not isinstance(item, KINDS[kind]):
        raise PluginError(f"hook clfw_{kind}s returned {type(item).__name__}, not {kind}")
    component: Component = item
    if not isinstance(component.name, str) or not NAME.fullmatch(component.name):
        raise PluginError(f"{kind} name '{escape(str(component.name))}' is not lower_snake")
    return component


def build_catalog(plugins: Iterable[Plugin]) -> Catalog:
    """A catalog of what `plugins` offer; a name offered twice keeps both offers, as a clash."""
    plugins = tuple(plugins)
    offers: dict[tuple[Kind, str], tuple[Offer, ...]] = {}
    for plugin in plugins:
        for component in plugin.components:
            key = (kind_of(component), component.name)
            offers[key] = (*offers.get(key, ()), Offer(component, plugin))
    return Catalog(plugins, offers)


def require_files(catalog: Catalog, files: Iterable[Path]) -> None:
    """Raise `PluginError` if one of `files`, which the user asked for, is broken."""
    asked = {str(path.resolve()) for path in files}
    for plugin in catalog.plugins:
        if plugin.file in asked and plugin.state == "broken":
            raise PluginError(f"--plugin {plugin.file}: {plugin.reason}", hint=plugin.remedy)


def warn_of_broken(catalog: Catalog) -> None:
    """Print one warning for each broken plugin, with how to silence it."""
    for plugin in catalog.plugins:
        if plugin.state == "broken":
            warn(
                f"plugin '{plugin.name}' of {plugin.origin}: {plugin.reason}; skipped "
                f"(silence with {DISABLE}={plugin.name})"
            )


def warn(message: str) -> None:
    """Print a warning line to stderr."""
    print(f"warning: {message}", file=sys.stderr)


def first_line(error: BaseException) -> str:
    """The first line of an exception's text, or its type if that is empty; with what was renamed."""
    text = str(error).strip().splitlines()
    name = type(error).__name__
    line = escape(
        f"{name}: {text[0]}"
        if text and not isinstance(error, PluginError)
        else (text[0] if text else name),
        200,
    )
    from clfw.plugins.renamed import new_name  # here, as a sound plugin needs none of it

    now = new_name(error)
    return f"{line}; {now}" if now else line
