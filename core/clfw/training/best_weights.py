"""The weights of the best evaluation so far."""

from collections.abc import Mapping

from torch import Tensor, nn

from clfw.training.state_schema import require_same_shapes


class BestWeights:
    """A copy of the model at its best evaluation.

    Attributes:
        tensors: the model's state; empty before the first.
        step: updates done by then.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self.tensors: dict[str, Tensor] = {}
        self.step = 0

    def keep(self, model: nn.Module, step: int) -> None:
        """Copy what was evaluated: the model, or its averaged weights."""
        self.tensors = {k: v.detach().clone() for k, v in model.state_dict().items()}
        self.step = step

    def state_dict(self) -> dict[str, Tensor]:
        """The tensors."""
        return self.tensors

    def load_state_dict(self, tensors: Mapping[str, Tensor]) -> None:
        """Take up what `state_dict` gave; raises `ValueError` where it is of another model."""
        if tensors:
            require_same_shapes("best", tensors, self._model.state_dict())
        self.tensors = dict(tensors)
