"""Networks of timm, from random weights."""

from typing import Any

from torch import nn

from clfw import Task, TaskNotSupported
from clfw.api import UsageError, did_you_mean, escape
from clfw_plugins.backbones.params import TimmModelParams


def build(params: TimmModelParams, task: Task) -> nn.Module:
    """The network with a head for the task's classes and a stem for its channels."""
    model = create(
        params.network,
        num_classes=task.num_classes,
        in_chans=task.channels,
        drop_rate=params.dropout,
    )
    require_size(model, task, params.network)
    return model


def create(name: str, **options: Any) -> nn.Module:
    """A network by its timm name; never pretrained, as that would use the network."""
    import timm

    if not timm.is_model(name):
        raise UsageError(
            f"timm has no network named '{escape(name)}'",
            hint=did_you_mean(name.partition(".")[0], timm.list_models()),
        )
    model: nn.Module = timm.create_model(name, pretrained=False, **options)
    return model


def require_size(model: nn.Module, task: Task, name: str) -> None:
    """Raise `TaskNotSupported` where a picture of the task's size does not go through."""
    import copy

    import torch

    shadow = copy.deepcopy(model).to("meta").eval()
    try:
        shadow(torch.empty(1, task.channels, task.height, task.width, device="meta"))
    except (RuntimeError, AssertionError) as error:
        raise TaskNotSupported(
            f"{name}: pictures of {task.height}x{task.width} pixels do not fit: "
            f"{escape(str(error).splitlines()[0])}",
            hint="try --set data.image_size=224",
        ) from None
