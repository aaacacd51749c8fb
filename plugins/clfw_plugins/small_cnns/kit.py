"""The building kit: a CNN whose every layer is a parameter, to play with."""

from collections.abc import Callable
from functools import partial
from itertools import pairwise

from torch import Tensor, nn

from clfw import Task, TaskNotSupported
from clfw.api import MAX_SIDE
from clfw_plugins.small_cnns.layers import convolution_block, flat_features
from clfw_plugins.small_cnns.params import PlainCnnParams

_INITIALISE: dict[str, Callable[[Tensor], Tensor]] = {
    "he": partial(nn.init.kaiming_uniform_, nonlinearity="relu"),
    "xavier": nn.init.xavier_uniform_,
    "normal": partial(nn.init.normal_, std=0.01),
}


def build(params: PlainCnnParams, task: Task) -> nn.Module:
    """Convolutions, global pooling, hidden layers and head, as the parameters say."""
    require_side(params, task)
    layers: list[nn.Module] = []
    channels = task.channels
    for layer, filters in enumerate(params.filters):
        layers += block(params, layer, channels, filters)
        channels = filters
    if params.global_pooling == "max":
        layers.append(nn.AdaptiveMaxPool2d(1))
    elif params.global_pooling == "average":
        layers.append(nn.AdaptiveAvgPool2d(1))
    layers.append(nn.Flatten())
    features = flat_features(nn.Sequential(*layers), task)
    for inputs, outputs in pairwise([features, *params.hidden, task.num_classes]):
        if params.dropout:
            layers.append(nn.Dropout(params.dropout))
        layers += [nn.Linear(inputs, outputs), nn.ReLU(inplace=True)]
    model = nn.Sequential(*layers[:-1])  # no ReLU after the head
    initialize(model, params.initialisation)
    return model


def require_side(params: PlainCnnParams, task: Task) -> None:
    """Raise `TaskNotSupported` where the layers leave nothing of the task's pictures."""
    minimum = minimum_side(params)
    if minimum > MAX_SIDE:
        raise TaskNotSupported(
            f"plain_cnn: these layers need pictures of at least {minimum:,} pixels a side, "
            f"and {MAX_SIDE:,} is the largest that there is",
            hint="take fewer layers, or smaller strides and pooling",
        )
    task.require_side(minimum, "plain_cnn with these layers")


def minimum_side(params: PlainCnnParams) -> int:
    """The least height and width of which the last map keeps a pixel, by the formula backwards."""
    side = 1
    for layer in reversed(range(len(params.filters))):
        if params.pooling != "none":
            side *= params.pool_size
        kernel = params.kernel[layer % len(params.kernel)]
        stride = params.stride[layer % len(params.stride)]
        padding = (kernel - 1) // 2 if params.padding == "same" else 0
        side = max(1, (side - 1) * stride + kernel - 2 * padding)
    return side


def block(params: PlainCnnParams, layer: int, inputs: int, outputs: int) -> list[nn.Module]:
    """One convolution with its pooling."""
    kernel = params.kernel[layer % len(params.kernel)]
    maximum = nn.MaxPool2d(params.pool_size) if params.pooling == "max" else None
    layers = convolution_block(
        inputs,
        outputs,
        kernel=kernel,
        stride=params.stride[layer % len(params.stride)],
        padding=(kernel - 1) // 2 if params.padding == "same" else 0,
        batch_norm=params.batch_norm,
        pool=maximum,
    )
    if params.pooling == "average":  # an average does not change places with ReLU
        layers.append(nn.AvgPool2d(params.pool_size))
    return layers


def initialize(model: nn.Module, how: str) -> None:
    """Set the first weights of convolutions and linears; biases become zero unless by default."""
    if how == "default":
        return
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            weight: Tensor = module.weight
            _INITIALISE[how](weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
