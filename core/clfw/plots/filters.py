"""What a convolutional layer has learned: its filters, and its feature maps for one picture."""

import math
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from clfw.errors import UsageError
from clfw.plots.grids import draw_grid
from clfw.text import did_you_mean

MAX_PANELS = 64
BAR = 0.9  # inches, width of a colour bar with its numbers


def convolutions(model: nn.Module) -> dict[str, nn.Conv2d]:
    """The convolutions of a model by name, in the order they are defined."""
    return {name: m for name, m in model.named_modules() if isinstance(m, nn.Conv2d)}


def find_convolution(model: nn.Module, layer: str) -> tuple[str, nn.Conv2d]:
    """The convolution named `layer`, or the first one for "".

    Raises:
        UsageError: none of that name, or none at all.
    """
    found = convolutions(model)
    if not found:
        raise UsageError("the model has no convolution, so it has neither filters nor maps")
    if layer and layer not in found:
        raise UsageError(
            f"--layer: no convolution named '{layer}'",
            hint=did_you_mean(layer, found, f"there are: {', '.join(found)}"),
        )
    name = layer or next(iter(found))
    return name, found[name]


def draw_filters(name: str, convolution: nn.Conv2d, title: str) -> Any:
    """The kernels of a layer, one panel per filter, on one scale around 0.

    A layer with three input channels is shown in colour; any other as the mean over its inputs.
    """
    kernels = convolution.weight.detach().float().cpu().numpy()  # (O, I, H, W)
    shown = kernels[:MAX_PANELS]
    count, inputs, height, width = kernels.shape
    kind = {1: "one input channel", 3: "colour"}.get(inputs, f"mean over {inputs} input channels")
    title += f"\nlayer {name}: {len(shown)} of {count} filters of {height}x{width}, {kind}"
    if inputs == 3:
        limit = float(np.abs(shown).max()) or 1.0
        panels = [np.moveaxis(kernel / limit / 2 + 0.5, 0, -1) for kernel in shown]
        return panel_figure(panels, title, None, "weight")
    flat = shown.mean(axis=1)
    unit = "weight" if inputs == 1 else f"weight, mean over {inputs} channels"
    return panel_figure(list(flat), title, float(np.abs(flat).max()) or 1.0, unit)


def feature_maps(model: nn.Module, layer: str, picture: Tensor) -> NDArray[np.float32]:
    """(O, H, W) output of a convolution for one normalised picture (1, C, H, W)."""
    outputs: list[Tensor] = []
    handle = model.get_submodule(layer).register_forward_hook(
        lambda _module, _inputs, output: outputs.append(output.detach().clone())
    )
    model.eval()
    with torch.no_grad():
        model(picture)
    handle.remove()
    maps: NDArray[np.float32] = outputs[0][0].float().cpu().numpy()
    return maps


def draw_maps(
    name: str, maps: NDArray[np.float32], picture: NDArray[np.uint8], what: str, title: str
) -> Any:
    """A picture (H, W, C), then its feature maps, one panel per filter, on one scale around 0."""
    limit = float(np.abs(maps).max()) or 1.0
    shown = list(maps[:MAX_PANELS])
    title += (
        f"\nlayer {name}: {len(shown)} of {len(maps)} feature maps of {what}, before activation"
    )
    return panel_figure(shown, title, limit, "activation", picture)


def panel_figure(
    panels: list[Any],
    title: str,
    limit: float | None,
    unit: str,
    before: NDArray[np.uint8] | None = None,
) -> Any:
    """Numbered panels; coloured, with a colour bar, from -`limit` to `limit` unless it is None.

    A picture `before` them is shown unchanged, and the panels are enlarged to its size.
    """
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    colors = ScalarMappable(Normalize(-(limit or 1), limit or 1), colormaps["RdBu_r"])
    shown: list[NDArray[np.uint8]] = [
        colors.to_rgba(panel, bytes=True)[..., :3]
        if limit
        else (panel * 255 + 0.5).astype(np.uint8)
        for panel in panels
    ]
    captions = [str(number) for number in range(len(panels))]
    if before is not None:
        size = (before.shape[1], before.shape[0])
        grown = [
            cv2.resize(panel, size, interpolation=cv2.INTER_NEAREST).astype(np.uint8)
            for panel in shown
        ]
        shown = [np.broadcast_to(before, (*before.shape[:2], 3)), *grown]
        captions = ["input", *captions]
    columns = math.ceil(math.sqrt(len(shown) * 1.6))
    figure = draw_grid(np.stack(shown), captions, title, columns)
    if limit:
        width, height = figure.get_size_inches()
        figure.set_size_inches(width + BAR, height)
        figure.axes[0].set_position((0, 0, width / (width + BAR), 1))
        axes = figure.add_axes((width / (width + BAR), 0.1, 0.15 / (width + BAR), 0.8))
        figure.colorbar(colors, cax=axes, label=unit)
    return figure
