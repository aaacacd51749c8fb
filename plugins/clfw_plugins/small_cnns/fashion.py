"""The apparel document's small CNN, and the plain network that it improves on."""

from itertools import pairwise

from torch import nn

from clfw import Task
from clfw_plugins.small_cnns.params import FashionCnnParams, FashionMlpParams


def build_cnn(params: FashionCnnParams, task: Task) -> nn.Module:
    """Twice convolution, batch norm, pooling, ReLU; then one linear layer.

    The document puts ReLU before the pooling. A maximum and a ReLU may change places (both are
    monotone), and pooling first leaves ReLU a quarter of the work.
    """
    task.require_side(4, "fashion_cnn")
    layers: list[nn.Module] = []
    channels = task.channels
    for _ in range(2):
        layers += [
            nn.Conv2d(channels, params.width, kernel_size=3, padding=1),
            nn.BatchNorm2d(params.width),
            nn.MaxPool2d(2),
            nn.ReLU(inplace=True),
        ]
        channels = params.width
    features = channels * (task.height // 4) * (task.width // 4)
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(features, task.num_classes))


def build_mlp(params: FashionMlpParams, task: Task) -> nn.Module:
    """Flattened pixels through linear layers with ReLU between them."""
    sides = [task.channels * task.height * task.width, *params.hidden]
    layers: list[nn.Module] = [nn.Flatten()]
    for inputs, outputs in pairwise(sides):
        layers += [nn.Linear(inputs, outputs), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.Linear(sides[-1], task.num_classes))
