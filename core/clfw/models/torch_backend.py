"""PyTorch as the backend of finished weights: restored, placed on a device, fed with batches."""

import numpy as np
from numpy.typing import NDArray

from clfw.api.task import UNLABELED
from clfw.artifacts.weights_header import Header
from clfw.data.pixel_map import PixelMap
from clfw.models.batches import Normalize, SplitBatches, evaluation_size
from clfw.models.device import Device, prepare, why_streamed
from clfw.models.logits import predict_logits
from clfw.models.weights_io import restore_model
from clfw.plugins.manager import Catalog


class TorchBackend:
    """Turns pixels into logits with the network that a weights file describes.

    Attributes:
        module: the network in evaluation mode, on the device.
    """

    def __init__(self, header: Header, catalog: Catalog, device: Device) -> None:
        prepare(None, deterministic=False)
        self.module = device.place(restore_model(header, catalog))
        self._device = device
        self._normalize = Normalize(header.preprocess, device.torch_device)
        self._size = evaluation_size(header.preprocess)

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
        streamed = pixels if why_streamed(images.nbytes, None, self._device.torch_device) else None
        batches = SplitBatches(images, targets, chosen, self._device, streamed)
        return predict_logits(self.module, batches, self._normalize, self._size, self._device)
