"""Plugins that hear of a run, those that it names: before it begins, and of epochs that are kept."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from clfw.artifacts.recorded_run import resume_command
from clfw.config.plan import Plan
from clfw.errors import ClfwError, PluginError
from clfw.plugins.manager import EPOCH_HOOK, PLANNED_HOOK, first_line
from clfw.plugins.plugin import Plugin

if TYPE_CHECKING:
    from clfw.api.reports import EpochReport


def check_loggers(plan: Plan, without: str) -> None:
    """Let every logger say what it lacks, before anything of the run is on disk.

    Raises:
        PluginError: one of them raised; the hint ends with `without`, an option that leaves it out.
    """
    for plugin in plan.loggers:
        if plugin.on_run_planned is None:
            continue
        where = f"plugin '{plugin.name}' of {plugin.origin}: hook {PLANNED_HOOK}"
        try:
            plugin.on_run_planned(plan=plan.to_json())
        except ClfwError as error:
            hint = f"{error.hint}; or {without} {plugin.name}"
            raise PluginError(f"{where}: {error.message}", hint=hint) from error
        except Exception as error:
            hint = f"{without} {plugin.name}"
            raise PluginError(f"{where}: raised {first_line(error)}", hint=hint) from error


def notify_loggers(
    plan: Plan, folder: Path, say: Callable[[str], None], report: "EpochReport"
) -> None:
    """Tell every logger of an epoch. What one draws from torch's generator is put back.

    Raises:
        PluginError: one of them raised; names plugin, hook and epoch. The run can be resumed.
    """
    import torch

    for plugin in plan.loggers:
        assert plugin.observer is not None
        state = torch.get_rng_state()
        where = (
            f"plugin '{plugin.name}' of {plugin.origin}: hook {EPOCH_HOOK}, epoch {report.epoch}"
        )
        try:
            plugin.observer(folder=folder, plan=plan.to_json(), report=report)
        except ClfwError as error:
            hint = f"{error.hint}; {ways_on(plan, folder, plugin)}"
            raise PluginError(f"{where}: {error.message}", hint=hint) from error
        except Exception as error:
            hint = ways_on(plan, folder, plugin)
            raise PluginError(f"{where}: raised {first_line(error)}", hint=hint) from error
        if not torch.equal(state, torch.get_rng_state()):
            torch.set_rng_state(state)
            say(f"warning: {where}: drew from torch's random numbers, which are put back")


def ways_on(plan: Plan, folder: Path, logger: Plugin) -> str:
    """How a run goes on whose logger has failed: with it, or without unless it is needed."""
    mended = f"once it is mended: {resume_command(plan, folder)}"
    if logger.identity in [part.plugin.identity for part in plan.parts]:
        return mended
    return f"{mended}; without it: {resume_command(plan, folder, without=logger)}"
