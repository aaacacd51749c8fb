"""Whether a plugin was written for this clfw: its package's requirement against our version."""

from dataclasses import replace

from clfw.plugins.plugin import Plugin


def check_requirement(plugin: Plugin, version: str) -> Plugin:
    """`plugin`, marked broken where its package requires another clfw than `version`; not imported.

    Our own plugins, and packages that require no version, are not checked.
    """
    if not plugin.requires or not version or plugin.package == "clfw":
        return plugin
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from packaging.version import InvalidVersion, Version

    try:
        allowed = SpecifierSet(plugin.requires)
        if allowed.contains(version, prereleases=True):
            return plugin
        bounds = [Version(part.version.removesuffix(".*")) for part in allowed
                  if part.operator in (">=", ">", "==", "~=")]  # fmt: skip
    except (InvalidSpecifier, InvalidVersion):
        reason = f"requires clfw '{plugin.requires}', which is not a version specifier"
        remedy = f"report it to the authors of {plugin.package}"
        return replace(plugin, state="broken", reason=reason, remedy=remedy)
    ours = Version(version)
    if any(bound >= ours for bound in bounds):
        kind, remedy = "a newer", f"pip install -U clfw, or an older {plugin.package}"
    else:
        kind, remedy = "an older", f"pip install -U {plugin.package}"
    return replace(
        plugin,
        state="broken",
        reason=f"was written for {kind} clfw: it requires {plugin.requires}, this is {version}",
        remedy=remedy,
    )
