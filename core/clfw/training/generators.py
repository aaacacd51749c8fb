"""PyTorch's random generators, as a part of a training's state."""

from collections.abc import Mapping

import torch
from torch import Tensor


class TorchGenerators:
    """The default generators of the CPU and, where it computes, of the GPU."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def state_dict(self) -> dict[str, Tensor]:
        """Their present states, on the CPU."""
        states = {"torch": torch.get_rng_state()}
        if self._device.type == "cuda":
            states["cuda"] = torch.cuda.get_rng_state()
        return states

    def load_state_dict(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from those states."""
        torch.set_rng_state(tensors["torch"])
        if "cuda" in tensors and torch.cuda.is_available():
            torch.cuda.set_rng_state(tensors["cuda"])
