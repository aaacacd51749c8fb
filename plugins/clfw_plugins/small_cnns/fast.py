"""A network for the best accuracy in the least time on a CPU."""

import torch
from torch import Tensor, nn

from clfw import Task
from clfw_plugins.small_cnns.layers import MaxPool2d, flat_features
from clfw_plugins.small_cnns.params import FastCnnParams


def build(params: FastCnnParams, task: Task) -> nn.Module:
    """Four convolutions with batch norm, then one linear layer.

    What costs most elsewhere, maps of the full size, is never made: the first convolution halves the
    sides by its stride and adds no border. Batch norm comes after the pooling, on a quarter of the
    values.
    """
    task.require_side(11, "fast_cnn")
    first, second, third, fourth = params.filters
    layers = [
        nn.Conv2d(task.channels, first, 5, stride=2, bias=False),
        *normalized(first),
        convolution(first, second),
        MaxPool2d(),
        *normalized(second),
        convolution(second, third),
        *normalized(third),
        convolution(third, fourth),
        MaxPool2d(),
        *normalized(fourth),
        nn.Flatten(),
    ]
    features = flat_features(nn.Sequential(*layers), task)
    whole = Mirrored if params.mirror else nn.Sequential
    return whole(*layers, nn.Linear(features, task.num_classes))


class Mirrored(nn.Sequential):
    """Layers whose answer, once trained, is the mean of those for a picture and for its mirror image.

    Without its linear head, as the backbone of another model, it looks at the picture alone.
    Test-time augmentation (Krizhevsky et al. 2012): an evaluation takes twice the time, and training
    none.
    """

    def _through(self, images: Tensor) -> Tensor:
        for layer in self:
            images = layer(images)
        return images

    def forward(self, images: Tensor) -> Tensor:
        if self.training or not isinstance(self[-1], nn.Linear):
            return self._through(images)
        both = self._through(torch.cat((images, images.flip(3))))
        pairs: Tensor = both.unflatten(0, (2, len(images)))
        return pairs.mean(0)


def convolution(inputs: int, outputs: int) -> nn.Module:
    """3x3, of the same size; batch norm, which follows, has the bias."""
    return nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)


def normalized(channels: int) -> list[nn.Module]:
    """Batch norm and ReLU."""
    return [nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]
