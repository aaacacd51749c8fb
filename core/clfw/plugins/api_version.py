"""Whether a plugin was written for this clfw: its package's requirement, held against our version."""

import re
from dataclasses import replace

from clfw.plugins.plugin import Plugin

PLAIN = r"(>=|>|<=|<)(\d+(?:\.\d+)*)"  # what nearly every package writes
RELEASE = r"\d+(?:\.\d+)*"


def check_requirement(plugin: Plugin, version: str) -> Plugin:
    """`plugin`, broken where its package asks for another clfw than `version`. Imports nothing of it.

    Our own plugins, and packages that ask for no version, are not looked at.
    """
    if not plugin.requires or not version or plugin.package == "clfw":
        return plugin
    if fits_plainly(plugin.requires, version):
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


def fits_plainly(requires: str, version: str) -> bool:
    """Whether a range of plain bounds holds a plain release; False where either is not plain.

    Importing packaging takes as long as everything else that a third-party plugin costs a list.
    """
    parts = [re.fullmatch(PLAIN, part) for part in requires.split(",")]
    if not re.fullmatch(RELEASE, version) or None in parts:
        return False
    return all(holds(part[1], part[2], version) for part in parts if part is not None)


def holds(sign: str, bound: str, version: str) -> bool:
    """Whether a release lies on the side of a bound; 1.0 and 1.0.0 are the same release."""
    ours, theirs = ([int(part) for part in text.split(".")] for text in (version, bound))
    length = max(len(ours), len(theirs))
    one, other = ([*parts, *[0] * (length - len(parts))] for parts in (ours, theirs))
    return {">=": one >= other, ">": one > other, "<=": one <= other, "<": one < other}[sign]
