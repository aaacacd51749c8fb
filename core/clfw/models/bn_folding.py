"""Batch norm folded into the convolution before it: the same function in fewer passes over memory."""

import copy
from typing import Any

from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

AGREEMENT = 1e-4  # greatest difference between outputs, as a share of the greatest output


def fold_batch_norm(network: nn.Module, example: Tensor) -> nn.Module:
    """A copy of `network`, for evaluation, in which a convolution does its batch norm's work.

    `network` itself is returned where nothing can be folded, or where the copy's output for
    `example` differs by more than rounding: where a convolution's output is used elsewhere too.
    """
    copied = copy.deepcopy(network).eval()
    pairs, expected = conv_bn_pairs(copied, example)
    if not pairs:
        return network
    for convolution, norm in pairs:
        conv, batch_norm = copied.get_submodule(convolution), copied.get_submodule(norm)
        assert isinstance(conv, nn.Conv2d)
        assert isinstance(batch_norm, nn.BatchNorm2d)
        fused = fuse_conv_bn_eval(conv, batch_norm)
        copied.set_submodule(convolution, fused)
        copied.set_submodule(norm, nn.Identity())
    near = (expected - copied(example)).abs().max() <= AGREEMENT * expected.abs().max()
    return copied if near else network  # a value that is no number is not near


def conv_bn_pairs(network: nn.Module, example: Tensor) -> tuple[list[tuple[str, str]], Tensor]:
    """Convolutions and the batch norms that take their outputs, as names; and `example`'s output.

    Only plain ones that run once: a subclass may do more, and one that is shared serves two.
    """
    made: dict[int, tuple[str, Tensor]] = {}  # with the tensor, so that its id stays its own
    pairs: list[tuple[str, str]] = []
    ran: list[str] = []
    handles = []

    def watch(name: str, module: nn.Module) -> None:
        def after_convolution(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
            ran.append(name)
            made[id(output)] = (name, output)

        def before_norm(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            ran.append(name)
            if id(inputs[0]) in made:
                pairs.append((made[id(inputs[0])][0], name))

        if type(module) is nn.Conv2d:
            handles.append(module.register_forward_hook(after_convolution))
        elif type(module) is nn.BatchNorm2d and module.track_running_stats:
            handles.append(module.register_forward_pre_hook(before_norm))

    for name, module in network.named_modules():
        watch(name, module)
    output: Tensor = network(example)
    for handle in handles:
        handle.remove()
    return [pair for pair in pairs if all(ran.count(name) == 1 for name in pair)], output
