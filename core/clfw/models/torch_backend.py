"""PyTorch as the backend of finished weights: restored, placed on a device, fed with batches."""

import numpy as np
from numpy.typing import NDArray
from torch import nn

from clfw.api.preprocess import Preprocess
from clfw.api.task import UNLABELED
from clfw.artifacts.weights_header import Header
from clfw.data.pixel_map import PixelMap
from clfw.models.batches import Normalize, SplitBatches, evaluation_size
from clfw.models.device import Device, prepare, why_streamed
from clfw.models.logits import predict_logits
from clfw.models.weights_io import restore_model
from clfw.plugins.manager import Catalog


class TorchBackend:
    """Turns pixels into logits with a network on a device."""

    def __init__(self, module: nn.Module, preprocess: Preprocess, device: Device) -> None:
        """`module` is on `device` already, and takes images as `preprocess` normalizes them."""
        self._module = module
        self._device = device
        self._normalize = Normalize(preprocess, device.torch_device)
        self._size = evaluation_size(preprocess)

    @classmethod
    def restore(cls, header: Header, catalog: Catalog, device: Device) -> "TorchBackend":
        """The network that a weights file describes, on `device`."""
        prepare(None, deterministic=False)
        module = device.place(restore_model(header, catalog))
        return cls(module, header.preprocess, device)

    def logits(
        self,
        images: NDArray[np.uint8],
        positions: NDArray[np.int64] | None = None,
        pixels: PixelMap | None = None,
    ) -> NDArray[np.float32]:
        """(M, K) logits of the (N, H, W, C) `images` at `positions`, or of all.

        A set over the memory budget is streamed from `pixels`, the map that it is of.

        Raises:
            Diverged: a logit is not finite.
        """
        chosen = np.arange(len(images)) if positions is None else positions
        targets = np.full(len(images), UNLABELED, np.int64)  # nobody asks for them
        if pixels and not why_streamed(images.nbytes, None, self._device.torch_device):
            pixels = None
        batches = SplitBatches(images, targets, chosen, self._device, pixels)
        return predict_logits(self._module, batches, self._normalize, self._size, self._device)
