"""The apparel document's small CNN, and the plain network that it improves on."""

from itertools import pairwise

from torch import nn

from clfw import Task
from clfw_plugins.small_cnns.layers import MaxPool2d, convolution_block
from clfw_plugins.small_cnns.params import FashionCnnParams, FashionMlpParams


def build_cnn(params: FashionCnnParams, task: Task) -> nn.Module:
    """Twice convolution, batch norm, ReLU and pooling; then one linear layer."""
    task.require_side(4, "fashion_cnn")
    width = params.width
    return nn.Sequential(
        *convolution_block(task.channels, width, batch_norm=True, pool=MaxPool2d()),
        *convolution_block(width, width, batch_norm=True, pool=MaxPool2d()),
        nn.Flatten(),
        nn.Linear(width * (task.height // 4) * (task.width // 4), task.num_classes),
    )


def build_mlp(params: FashionMlpParams, task: Task) -> nn.Module:
    """Flattened pixels through linear layers with ReLU between them."""
    sides = [task.channels * task.height * task.width, *params.hidden]
    layers: list[nn.Module] = [nn.Flatten()]
    for inputs, outputs in pairwise(sides):
        layers += [nn.Linear(inputs, outputs), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.Linear(sides[-1], task.num_classes))
