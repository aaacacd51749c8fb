"""The photo document's CNN: blocks of convolution and pooling, then two linear layers.

The document gives the channels and "2.23 million" parameters; the hidden layer of 448 units and the
dropout are ours, and make 2,232,554 for ten classes of 128x128 colour pictures.
"""

from torch import nn

from clfw import Task
from clfw_plugins.small_cnns.layers import MaxPool2d, convolution_block
from clfw_plugins.small_cnns.params import AnimalsCnnParams


def build(params: AnimalsCnnParams, task: Task) -> nn.Module:
    """As many blocks as there are numbers of filters; each halves the sides."""
    blocks = len(params.filters)
    task.require_side(2**blocks, "animals_cnn")
    layers: list[nn.Module] = []
    channels = task.channels
    for filters in params.filters:
        layers += convolution_block(channels, filters, pool=MaxPool2d())
        channels = filters
    features = channels * (task.height >> blocks) * (task.width >> blocks)
    return nn.Sequential(
        *layers,
        nn.Flatten(),
        nn.Dropout(params.dropout),
        nn.Linear(features, params.hidden),
        nn.ReLU(inplace=True),
        nn.Dropout(params.dropout),
        nn.Linear(params.hidden, task.num_classes),
    )
