"""TensorBoard's event files, written for runs with `--logger tensorboard`."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clfw import hookimpl

if TYPE_CHECKING:
    from clfw.api import EpochReport


@hookimpl
def clfw_run_planned() -> None:
    """Say before the first step, not after the first epoch, that the package is not there."""
    import importlib.util

    from clfw.api import PluginError

    if importlib.util.find_spec("tensorboard") is None:
        raise PluginError("needs the package tensorboard", hint="pip install 'clfw[tensorboard]'")


@hookimpl
def clfw_epoch_finished(folder: Path, plan: Mapping[str, Any], report: "EpochReport") -> None:
    """Add the epoch's figures, by update, to RUN/tensorboard."""
    from clfw_plugins.tensorboard.events import write_epoch

    write_epoch(folder / "tensorboard", report)
