"""What names can be looked up in: the plugins that are installed, and the registries."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from clfw.catalog.registry import Registry, read_registry
from clfw.plugins.manager import Catalog, installed_catalog, require_files, warn_of_broken


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """Installed components and registry entries.

    Attributes:
        disabled: plugins that were switched off by name.
    """

    catalog: Catalog
    registry: Registry
    disabled: tuple[str, ...] = ()


def load_environment(
    registry: Path | None = None,
    disabled: Sequence[str] = (),
    plugin_files: Sequence[Path] = (),
    absent: Sequence[str] = (),
) -> Environment:
    """Load plugins and registries; one warning line for each broken plugin.

    Args:
        registry: one more registry file, above all others.
        disabled: plugins to leave out.
        plugin_files: plugins in one file to load too.
        absent: names that `disabled` may have although nothing of that name is installed.

    Raises:
        PluginError: one of `plugin_files` is broken.
        UsageError: a registry is malformed, or no plugin has a name in `disabled`.
    """
    catalog = installed_catalog(tuple(disabled), tuple(plugin_files), absent)
    require_files(catalog, tuple(plugin_files))
    warn_of_broken(catalog)
    return Environment(catalog=catalog, registry=read_registry(registry), disabled=tuple(disabled))
