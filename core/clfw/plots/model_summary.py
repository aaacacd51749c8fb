"""A network layer by layer: hyper-parameters, shapes by the formula and in fact, cost."""

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
    """One layer as one picture goes through it.

    Attributes:
        kernel, stride, padding: (height, width) in pixels, None for layers without a window.
        expected: (H, W) by floor((W - F + 2 P) / S) + 1, None for layers without a window.
        output: shape that comes out, without the batch.
        parameters: trainable and frozen numbers of the layer, counted where they are first used.
        trained: those of them that training changes.
        multiply_adds: products of one picture.
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
        """Whether the formula gives the height and width that really come out."""
        return self.expected is None or self.expected == self.output[-2:]


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelSummary:
    """A network's layers, and what all of it has and costs, in no layer too.

    Attributes:
        layers: those without children, in the order they are used.
        parameters: trainable and frozen numbers of the network.
        trained: those of them that training changes.
        multiply_adds: products of one answer: those of attention, too, which no layer makes, and of a
            second pass, where a picture's mirror image is looked at.
    """

    layers: tuple[LayerSummary, ...]
    parameters: int
    trained: int
    multiply_adds: int

    @property
    def elsewhere(self) -> tuple[int, int]:
        """Parameters and products that are in none of the layers."""
        parameters = sum(layer.parameters for layer in self.layers)
        products = sum(layer.multiply_adds for layer in self.layers)
        return self.parameters - parameters, self.multiply_adds - products


def summarize(chosen: ResolvedComponent[Architecture], task: Task) -> ModelSummary:
    """What one picture goes through; computes nothing (meta device)."""
    with torch.device("meta"):
        model = build_model(chosen.component, chosen.params, task, chosen.embedded).eval()
    found: list[LayerSummary] = []
    seen: set[nn.Parameter] = set()
    handles = [
        module.register_forward_hook(recorder(name, found, seen))
        for name, module in model.to("meta").named_modules()
        if not list(module.children())
    ]
    counter = FlopCounterMode(display=False)  # two operations a product
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
    """A hook that notes what a layer did; the parameters in `seen` were another one's already."""

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
    """Kernel, stride and padding as pairs; dilation is counted into the kernel."""
    if not isinstance(module, Windowed):
        return None
    kernel, stride = pair(module.kernel_size), pair(module.stride)
    dilation = pair(getattr(module, "dilation", 1))
    reach = (dilation[0] * (kernel[0] - 1) + 1, dilation[1] * (kernel[1] - 1) + 1)
    if module.padding == "same":
        return reach, stride, ((reach[0] - 1) // 2, (reach[1] - 1) // 2)
    return reach, stride, (0, 0) if module.padding == "valid" else pair(module.padding)


def pair(value: Any) -> Pair:
    """(value, value) for a number."""
    return (int(value), int(value)) if isinstance(value, int) else (int(value[0]), int(value[1]))


def formula(sides: tuple[int, ...], kernel: Pair, stride: Pair, padding: Pair) -> Pair:
    """floor((W - F + 2 P) / S) + 1 for height and width."""
    height, width = (
        (side - f + 2 * p) // s + 1
        for side, f, s, p in zip(sides, kernel, stride, padding, strict=True)
    )
    return height, width


def multiply_adds(module: nn.Module, output: Tensor) -> int:
    """Products that one picture costs in a convolution or linear layer; 0 in others."""
    if isinstance(module, nn.Conv2d | nn.Linear):
        weight: Tensor = module.weight
        places = output[0].numel() // weight.shape[0]
        return weight.numel() * places
    return 0
