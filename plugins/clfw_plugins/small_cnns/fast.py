"""A network for the best accuracy in the least time on a CPU."""

from torch import nn

from clfw import Task
from clfw_plugins.small_cnns.layers import convolution_block, flat_features
from clfw_plugins.small_cnns.params import FastCnnParams


def build(params: FastCnnParams, task: Task) -> nn.Module:
    """Three convolutions with batch norm, then one linear layer.

    The first halves the sides by its stride: what costs most elsewhere, maps of the full size, is
    never made.
    """
    task.require_side(8, "fast_cnn")
    first, second, third = params.filters
    layers = [
        *convolution_block(task.channels, first, kernel=5, stride=2, padding=2, batch_norm=True),
        *convolution_block(first, second, batch_norm=True, pool=nn.MaxPool2d(2)),
        *convolution_block(second, third, batch_norm=True, pool=nn.MaxPool2d(2)),
        nn.Flatten(),
    ]
    features = flat_features(nn.Sequential(*layers), task)
    return nn.Sequential(*layers, nn.Linear(features, task.num_classes))
