"""What the small networks compute, whichever way they do it."""

import pytest
import torch
from torch import nn

from clfw import Task
from clfw_plugins.small_cnns.fast import build
from clfw_plugins.small_cnns.layers import MaxPool2d
from clfw_plugins.small_cnns.params import FastCnnParams


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("sides", [(28, 28), (7, 6), (2, 3)])
def test_pooling_without_gradients_gives_the_values_that_it_has_with_them(
    sides: tuple[int, int], memory_format: torch.memory_format
) -> None:
    images = torch.randn(3, 5, *sides).to(memory_format=memory_format)
    images[1, 2, 0, 1] = torch.nan
    pool = MaxPool2d()
    with torch.inference_mode():
        quick = pool(images)
    assert torch.equal(quick.nan_to_num(99), pool(images).nan_to_num(99))
    assert quick.isnan().sum() == 1
    assert quick.is_contiguous(memory_format=memory_format)


def test_a_mirrored_network_answers_the_same_for_a_picture_and_its_mirror_image() -> None:
    task = Task(classes=("a", "b", "c"), channels=1, height=14, width=14)
    torch.manual_seed(0)
    plain = build(FastCnnParams(), task)
    mirrored = build(FastCnnParams(mirror=True), task)
    mirrored.load_state_dict(plain.state_dict())
    images = torch.randn(5, 1, 14, 14)
    assert torch.equal(mirrored.train()(images), plain.train()(images))
    plain.eval()
    mirrored.eval()
    with torch.inference_mode():
        mean = (plain(images) + plain(images.flip(3))) / 2
        torch.testing.assert_close(mirrored(images), mean, atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(mirrored(images), mirrored(images.flip(3)), atol=1e-6, rtol=1e-5)
        assert (mirrored(images) - plain(images)).abs().max() > 1e-3
        plain[-1] = mirrored[-1] = nn.Identity()  # as a backbone
        assert torch.equal(mirrored(images), plain(images))
