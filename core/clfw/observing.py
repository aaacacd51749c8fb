"""Plugins that hear of finished epochs: those that a run names, after the epoch is written down."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from clfw.errors import ClfwError, PluginError
from clfw.job import Say
from clfw.manager import OBSERVER, first_line
from clfw.plugin import Plugin
from clfw.record import EpochReport


def tell_observers(
    observers: Sequence[Plugin], folder: Path, plan: dict[str, Any], report: EpochReport, say: Say
) -> None:
    """Tell every observer of one epoch. What one draws from torch's generator is put back.

    Raises:
        PluginError: one of them raised; names plugin, hook and epoch. The run can be resumed.
    """
    for plugin in observers:
        assert plugin.observer is not None
        state = torch.get_rng_state()
        where = f"plugin '{plugin.name}' of {plugin.origin}: hook {OBSERVER}, epoch {report.epoch}"
        without = f"go on without it: clfw resume {folder} --disable-plugin {plugin.name}"
        try:
            plugin.observer(folder=folder, plan=plan, report=report)
        except ClfwError as error:
            hint = f"{error.hint}; then clfw resume {folder}; or {without}"
            raise PluginError(f"{where}: {error.message}", hint=hint) from error
        except Exception as error:
            raise PluginError(f"{where}: raised {first_line(error)}", hint=without) from error
        if not torch.equal(state, torch.get_rng_state()):
            torch.set_rng_state(state)
            say(f"warning: {where}: drew from torch's random numbers, which are put back")
