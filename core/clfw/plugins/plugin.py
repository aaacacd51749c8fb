"""One plugin: where it comes from, what state it is in, what it offers. No plugin code is run here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from clfw.api.components import Component


@dataclass(frozen=True, kw_only=True, slots=True)
class Plugin:
    """One entry point of group `clfw`, or one plugin file, and how loading it went.

    Attributes:
        module: what is imported.
        file: the path of a plugin file; empty for what a package brings.
        requires: the range of clfw that its package asks for, as in ">=0.1,<0.2"; empty for any.
        reason: why it is off or broken, or with whom it clashes.
        remedy: one action that mends it.
        notes: what its author should know, as that a hook is deprecated.
        import_ms: time to import it and to ask what it offers.
        observer: its `clfw_epoch_finished`, if it has one.
        rehearsal: its `clfw_run_planned`, if it has one.
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
    notes: tuple[str, ...] = ()
    import_ms: float = 0.0
    components: tuple[Component, ...] = ()
    observer: Callable[..., Any] | None = None
    rehearsal: Callable[..., Any] | None = None

    @property
    def origin(self) -> str:
        """Package and version, as people write them."""
        return f"{self.package} {self.version}"

    @property
    def identity(self) -> str:
        """What the verdict of a probe is kept under: another version is another plugin."""
        return f"{self.package} {self.version} {self.name} {self.module}"
