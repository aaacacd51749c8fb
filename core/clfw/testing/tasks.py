"""Networks built for the checks: for several tasks, with default parameters, none too large."""

import contextlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from clfw.api.components import Architecture, load
from clfw.api.params import Params, params_class
from clfw.api.preprocess import Preprocess
from clfw.api.task import Task
from clfw.errors import TaskNotSupported
from clfw.testing.check import Fault, require
from clfw.testing.side_effects import restored

LARGEST = 20_000_000  # parameters; a larger network is not built
SHAPES = ((2, 1, 28, 28), (10, 3, 32, 48), (100, 1, 64, 64), (1000, 3, 224, 224))  # K, C, H, W
TASKS = tuple(
    Task(classes=tuple(f"class {k}" for k in range(classes)), channels=c, height=h, width=w)
    for classes, c, h, w in SHAPES
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """A network for one task, with the parameters that `prepare` made of the defaults."""

    params: Params
    task: Task
    model: nn.Module


def built_for(component: Architecture, task: Task, seed: int = 0) -> Built | None:
    """The network for a task; None above 20 million parameters. Raises `TaskNotSupported`."""
    params = params_class(component)()
    if "backbone_weights" in type(params).model_fields:  # nothing is fetched for a check
        params = params.model_copy(update={"backbone_weights": "random"})
    if component.prepare:
        natural = Preprocess(channels=task.channels, height=task.height, width=task.width)
        with tempfile.TemporaryDirectory() as folder:
            params, own = load(component.prepare)(params, natural, Path(folder))
        task = Task(classes=task.classes, channels=own.channels, height=own.height, width=own.width)
    with restored():
        return built_with(load(component.build), params, task, seed)


def built_with(build: Callable[..., Any], params: Params, task: Task, seed: int) -> Built | None:
    """The network, unless it is too large, which the meta device shows at no cost."""
    with contextlib.suppress(RuntimeError, NotImplementedError), torch.device("meta"):
        if size(build(params, task)) > LARGEST:
            return None
    torch.manual_seed(seed)
    model = build(params, task)
    require(
        isinstance(model, nn.Module),
        f"build returned {type(model).__name__}: return a torch.nn.Module",
    )
    return Built(params=params, task=task, model=model) if size(model) <= LARGEST else None


def size(model: Any) -> int:
    """Its parameters."""
    return sum(p.numel() for p in model.parameters()) if isinstance(model, nn.Module) else 0


def smallest(component: Architecture, seed: int = 0) -> Built:
    """Built for the first task that it serves."""
    for task in TASKS:
        try:
            found = built_for(component, task, seed)
        except TaskNotSupported:
            continue
        if found:
            return found
    raise Fault(f"serves none of the tasks tried ({tried()}): support one of them, or make it "
                f"smaller than {LARGEST:,} parameters by default")  # fmt: skip


@cache
def tried() -> str:
    """The tasks in words."""
    return ", ".join(f"{c}x{h}x{w} pixels to {classes} classes" for classes, c, h, w in SHAPES)


def pictures(task: Task, count: int) -> Tensor:
    """(count, C, H, W) float32, as normalised pictures are, the same ones each time."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(count, task.channels, task.height, task.width, generator=generator)
