"""Maximum pooling of the small networks: one result, whichever way it is computed."""

import pytest
import torch

from clfw_plugins.small_cnns.layers import MaxPool2d


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
