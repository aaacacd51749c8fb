"""Exponential moving average of the weights."""

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from clfw.training.state_schema import require_same_shapes


class AveragedWeights:
    """Exponential moving average of a model's weights (Polyak and Juditsky 1992); buffers are copied.

    The decay starts small, min(decay, (1 + t) / (10 + t)), so that the random start fades quickly.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.tensors = {k: v.detach().clone() for k, v in model.state_dict().items()}
        self._shadow = copy.deepcopy(model)

    def update(self, model: nn.Module) -> None:
        """Take the model's present weights in."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        now = model.state_dict()
        floating = [k for k, v in now.items() if v.is_floating_point()]
        torch._foreach_lerp_(
            [self.tensors[k] for k in floating], [now[k] for k in floating], 1 - decay
        )
        for key in now.keys() - set(floating):
            self.tensors[key].copy_(now[key])

    def as_model(self) -> nn.Module:
        """A copy of the model with the averages, the same one each time."""
        self._shadow.load_state_dict(self.tensors)
        return self._shadow

    def state_dict(self) -> dict[str, Tensor]:
        """The averages."""
        return self.tensors

    def load_state_dict(self, tensors: Mapping[str, Tensor]) -> None:
        """Take up what `state_dict` gave; raises `ValueError` where it is of another model."""
        require_same_shapes("averaged", tensors, self.tensors)
        for name, value in tensors.items():
            self.tensors[name].copy_(value)
