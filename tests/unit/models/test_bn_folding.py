"""Folding batch norm changes no output by more than rounding, and gives way where it would."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from clfw.models.bn_folding import AGREEMENT, conv_bn_pairs, fold_batch_norm

PICTURES = torch.linspace(-2, 2, 3 * 3 * 12 * 12).reshape(3, 3, 12, 12).sin()


def norm(channels: int) -> nn.BatchNorm2d:
    """A batch norm that has seen something."""
    made = nn.BatchNorm2d(channels)
    made.running_mean = torch.linspace(-1, 1, channels)
    made.running_var = torch.linspace(0.3, 3, channels)
    nn.init.uniform_(made.weight, 0.5, 1.5)
    nn.init.normal_(made.bias)
    return made


class Block(nn.Module):
    """Two convolutions with norms, around them what the pictures were."""

    def __init__(self, bias: bool = False, groups: int = 1) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv2d(3, 6, 3, padding=1, bias=bias, padding_mode="circular")
        self.norm = norm(6)
        self.second = nn.Conv2d(6, 6, 3, stride=2, bias=bias, groups=groups)
        self.norm2 = norm(6)

    def forward(self, images: Tensor) -> Tensor:
        inner = self.norm(self.first(images)).relu()
        return self.norm2(self.second(inner)).flatten(1)


class Peeking(Block):
    """Uses a convolution's output beside its norm's."""

    def forward(self, images: Tensor) -> Tensor:
        inner = self.first(images)
        return (self.norm(inner) + inner).flatten(1)


class Twice(Block):
    """Runs one convolution twice, with a norm after one of the runs."""

    def forward(self, images: Tensor) -> Tensor:
        return self.second(self.norm2(self.second(self.first(images)))).flatten(1)


class NormFirst(Block):
    """Has its norms before its convolutions."""

    def forward(self, images: Tensor) -> Tensor:
        return self.second(self.norm(self.first(images).relu())).flatten(1)


def norms(network: nn.Module) -> int:
    return sum(isinstance(module, nn.BatchNorm2d) for module in network.modules())


@torch.inference_mode()
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("groups", [1, 3])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_a_folded_network_agrees_and_has_no_norm_left(
    bias: bool, groups: int, layout: torch.memory_format
) -> None:
    plain = Block(bias, groups).eval().to(memory_format=layout)
    before = {name: tensor.clone() for name, tensor in plain.state_dict().items()}
    found = fold_batch_norm(plain, PICTURES[:1])
    assert norms(found) == 0
    expected = plain(PICTURES)
    difference = float((found(PICTURES) - expected).abs().max())
    assert 0 < difference <= 1e-5 * float(expected.abs().max()) < AGREEMENT
    assert all(torch.equal(before[name], tensor) for name, tensor in plain.state_dict().items())
    assert not any(module._forward_hooks for module in found.modules())


@torch.inference_mode()
@pytest.mark.parametrize("kind", [Peeking, Twice, NormFirst])
def test_what_cannot_be_folded_is_left_as_it_is(kind: Callable[[], nn.Module]) -> None:
    plain = kind().eval()
    assert fold_batch_norm(plain, PICTURES) is plain


@torch.inference_mode()
def test_values_that_are_no_numbers_are_no_agreement() -> None:
    plain = Block().eval()
    plain.norm2.weight[0] = float("nan")
    assert fold_batch_norm(plain, PICTURES) is plain


@torch.inference_mode()
def test_a_norm_by_the_batch_itself_cannot_be_folded() -> None:
    plain = Block().eval()
    plain.norm = nn.BatchNorm2d(6, track_running_stats=False)
    assert conv_bn_pairs(plain, PICTURES)[0] == [("second", "norm2")]
    assert norms(fold_batch_norm(plain, PICTURES)) == 1
