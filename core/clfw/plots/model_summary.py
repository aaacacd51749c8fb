"""A network layer by layer: hyperparameters, expected and actual shapes, cost."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from clfw.api.components import Architecture
from clfw.api.task import Task
from clfw.config.resolution import ResolvedComponent
from clfw.models.weights_io import build_model

Windowed = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)


@dataclass(frozen=True, kw_only=True, slots=True)
class LayerSummary:
    """One layer, as one picture passes through it.

    Attributes:
        kernel, stride, padding: (height, width) in pixels, None for layers without a window.
        expected: (H, W) by floor((W - F + 2 P) / S) + 1, None for layers without a window.
        output: actual shape, without the batch.
        parameters: number of parameters, trainable or frozen; shared ones count in their first layer.
        trained: how many of them training changes.
        multiply_adds: for one picture.
    """

    name: str
    kind: str
    kernel: tuple[int, int] | None
    stride: tuple[int, int] | None
    padding: tuple[int, int] | None
    expected: tuple[int, int] | None
    output: tuple[int, ...]
    parameters: int
    trained: int
    multiply_adds: int

    @property
    def agrees(self) -> bool:
        """Whether the formula gives the actual height and width."""
        return self.expected is None or self.expected == self.output[-2:]


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelSummary:
    """A network's layers and totals, which include what is in none of the layers.

    Attributes:
        layers: modules without children, in the order they are used.
        parameters: number of parameters, trainable or frozen.
        trained: how many of them training changes.
        multiply_adds: for one prediction, including attention, which is in no layer, and a second pass
            where the mirrored picture is also predicted.
    """

    layers: tuple[LayerSummary, ...]
    parameters: int
    trained: int
    multiply_adds: int

    @property
    def elsewhere(self) -> tuple[int, int]:
        """Parameters and multiply-adds that are in none of the layers."""
        parameters = sum(layer.parameters for layer in self.layers)
        counted = sum(layer.multiply_adds for layer in self.layers)
        return self.parameters - parameters, self.multiply_adds - counted


def summarize(chosen: ResolvedComponent[Architecture], task: Task) -> ModelSummary:
    """The summary for one picture; computes nothing (meta device)."""
    with torch.device("meta"):
        model = build_model(chosen.component, chosen.params, task, chosen.embedded).eval()
    found: list[LayerSummary] = []
    seen: set[nn.Parameter] = set()
    handles = [
        module.register_forward_hook(recorder(name, found, seen))
        for name, module in model.to("meta").named_modules()
        if not list(module.children())
    ]
    counter = FlopCounterMode(display=False)  # two operations per multiply-add
    with counter:
        model(torch.empty(1, task.channels, task.height, task.width, device="meta"))
    for handle in handles:
        handle.remove()
    return ModelSummary(
        layers=tuple(found),
        parameters=sum(p.numel() for p in model.parameters()),
        trained=sum(p.numel() for p in model.parameters() if p.requires_grad),
        multiply_adds=counter.get_total_flops() // 2,
    )


def recorder(name: str, found: list[LayerSummary], seen: set[nn.Parameter]) -> Callable[..., None]:
    """A hook that appends a layer's summary to `found`; parameters in `seen` are counted already."""

    def note(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        own = set(module.parameters()) - seen
        seen.update(own)
        window = window_of(module)
        sides = tuple(inputs[0].shape[-2:])
        found.append(
            LayerSummary(
                name=name,
                kind=type(module).__name__,
                kernel=window[0] if window else None,
                stride=window[1] if window else None,
                padding=window[2] if window else None,
                expected=formula(sides, *window) if window else None,
                output=tuple(output.shape[1:]),
                parameters=sum(p.numel() for p in own),
                trained=sum(p.numel() for p in own if p.requires_grad),
                multiply_adds=multiply_adds(module, output),
            )
        )

    return note


Pair = tuple[int, int]


def window_of(module: nn.Module) -> tuple[Pair, Pair, Pair] | None:
    """Kernel, stride and padding as pairs, the kernel with its dilation; None without a window."""
    if not isinstance(module, Windowed):
        return None
    kernel, stride = pair(module.kernel_size), pair(module.stride)
    dilation = pair(getattr(module, "dilation", 1))
    reach = (dilation[0] * (kernel[0] - 1) + 1, dilation[1] * (kernel[1] - 1) + 1)
    if module.padding == "same":
        return reach, stride, ((reach[0] - 1) // 2, (reach[1] - 1) // 2)
    return reach, stride, (0, 0) if module.padding == "valid" else pair(module.padding)


def pair(value: Any) -> Pair:
    """`value` as a pair of ints; a single number is repeated."""
    return (int(value), int(value)) if isinstance(value, int) else (int(value[0]), int(value[1]))


def formula(sides: tuple[int, ...], kernel: Pair, stride: Pair, padding: Pair) -> Pair:
    """floor((W - F + 2 P) / S) + 1 for height and width."""
    height, width = (
        (side - f + 2 * p) // s + 1
        for side, f, s, p in zip(sides, kernel, stride, padding, strict=True)
    )
    return height, width


def multiply_adds(module: nn.Module, output: Tensor) -> int:
    """Multiply-adds of a convolution or linear layer for one picture; 0 for other layers."""
    if isinstance(module, nn.Conv2d | nn.Linear):
        weight: Tensor = module.weight
        places = output[0].numel() // weight.shape[0]
        return weight.numel() * places
    return 0
