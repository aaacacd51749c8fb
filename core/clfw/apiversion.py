"""Whether a plugin was written for this clfw: its package's requirement, held against our version."""

from dataclasses import replace

from clfw.plugin import Plugin


def held_against(plugin: Plugin, version: str) -> Plugin:
    """`plugin`, broken where its package asks for another clfw than `version`. Imports nothing of it.

    Our own plugins, and packages that ask for no version, are not looked at.
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
        reason = f"asks for clfw '{plugin.requires}', which is no range of versions"
        return replace(plugin, state="broken", reason=reason, remedy=f"tell {plugin.package}")
    ours = Version(version)
    if any(bound >= ours for bound in bounds):
        kind, remedy = "a newer", f"pip install -U clfw, or an older {plugin.package}"
    else:
        kind, remedy = "an older", f"pip install -U {plugin.package}"
    return replace(
        plugin,
        state="broken",
        reason=f"was written for {kind} clfw: it asks for {plugin.requires}, this is {version}",
        remedy=remedy,
    )
