"""The CNN "from the mathematics", with the first weights that its document prescribes."""

from torch import nn

from clfw import Task
from clfw_plugins.small_cnns.layers import MaxPool2d, convolution_block
from clfw_plugins.small_cnns.params import MathCnnParams


def build(params: MathCnnParams, task: Task) -> nn.Module:
    """Two convolutions, one hidden layer; convolutions normal, linears Xavier, biases zero."""
    task.require_side(4, "math_cnn")
    first, second = params.filters
    norm = params.batch_norm
    model = nn.Sequential(
        *convolution_block(task.channels, first, batch_norm=norm, pool=MaxPool2d()),
        *convolution_block(first, second, batch_norm=norm, pool=MaxPool2d()),
        nn.Flatten(),
        nn.Linear(second * (task.height // 4) * (task.width // 4), params.hidden),
        nn.ReLU(inplace=True),
        *([nn.Dropout(params.dropout)] if params.dropout else []),
        nn.Linear(params.hidden, task.num_classes),
    )
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.normal_(module.weight, std=params.init_std)
        elif isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
        if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
    return model
