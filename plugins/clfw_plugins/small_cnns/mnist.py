"""The networks of the two MNIST documents."""

from torch import nn

from clfw import Task
from clfw_plugins.small_cnns.layers import MaxPool2d, convolution_block
from clfw_plugins.small_cnns.params import MnistConv4BnParams, MnistConv5Params


def build_conv5(params: MnistConv5Params, task: Task) -> nn.Module:
    """Two 5x5 convolutions; the two linear layers have no activation between, as in the document."""
    task.require_side(4, "mnist_conv5")
    first, second = params.filters
    return nn.Sequential(
        *convolution_block(task.channels, first, kernel=5, padding=2, pool=MaxPool2d()),
        *convolution_block(first, second, kernel=5, padding=2, pool=MaxPool2d()),
        nn.Flatten(),
        nn.Dropout(params.dropout),
        nn.Linear(second * (task.height // 4) * (task.width // 4), params.hidden),
        nn.Linear(params.hidden, task.num_classes),
    )


def build_conv4_bn(params: MnistConv4BnParams, task: Task) -> nn.Module:
    """Four 3x3 convolutions, with batch norm after ReLU as the document has it."""
    task.require_side(4, "mnist_conv4_bn")
    a, b, c, d = params.filters
    units, more_units = params.hidden
    return nn.Sequential(
        *convolution_block(task.channels, a),
        *convolution_block(a, b, pool=MaxPool2d()),
        nn.BatchNorm2d(b),
        *convolution_block(b, c),
        nn.BatchNorm2d(c),
        *convolution_block(c, d, pool=MaxPool2d()),
        nn.BatchNorm2d(d),
        nn.Flatten(),
        nn.Linear(d * (task.height // 4) * (task.width // 4), units),
        nn.ReLU(inplace=True),
        nn.Dropout(params.dropout),
        nn.Linear(units, more_units),
        nn.ReLU(inplace=True),
        nn.Linear(more_units, task.num_classes),
    )
