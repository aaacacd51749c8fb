"""One plugin: its origin, its state, what it offers. Runs no plugin code."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from clfw.api.components import Component


@dataclass(frozen=True, kw_only=True, slots=True)
class Plugin:
    """One entry point of group `clfw`, or one plugin file, and how loading it went.

    Attributes:
        module: what is imported.
        file: the path of a plugin file; empty for a plugin from a package.
        requires: the clfw versions that its package requires, as in ">=0.1,<0.2"; empty for any.
        reason: why it is off or broken, or what it clashes with.
        remedy: one action that fixes it.
        import_ms: time to import it and ask what it offers, milliseconds.
        observer: its `clfw_epoch_finished`, if it has one.
        on_run_planned: its `clfw_run_planned`, if it has one.
    """

    name: str
    module: str
    package: str
    version: str
    file: str = ""
    requires: str = ""
    state: Literal["ok", "off", "broken"] = "ok"
    reason: str = ""
    remedy: str = ""
    import_ms: float = 0.0
    components: tuple[Component, ...] = ()
    observer: Callable[..., Any] | None = None
    on_run_planned: Callable[..., Any] | None = None

    @property
    def origin(self) -> str:
        """Package and version, as people write them."""
        return f"{self.package} {self.version}"

    @property
    def identity(self) -> str:
        """The key of its probe result: another version is another plugin."""
        return f"{self.package} {self.version} {self.name} {self.module}"
