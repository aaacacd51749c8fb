"""The optimizer at work: groups of parameters, what is kept for each of them, one update of all.

Which rule an update follows, and by which values, stands in `clfw.config.optimizers`. Fused kernels
are the fastest on every device, and only they can skip an update on the device itself (`found_inf`),
without making the host wait.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from clfw.config.optimizers import OPTIMIZERS
from clfw.config.recipe import Recipe
from clfw.errors import UsageError


@dataclass(frozen=True, kw_only=True, slots=True)
class ParameterGroup:
    """Parameters that are trained alike.

    Attributes:
        lr_scale: what the learning rate is multiplied with.
    """

    parameters: list[Tensor]
    weight_decay: float
    lr_scale: float = 1.0


@dataclass(kw_only=True, slots=True)
class ReadyParameters:
    """Parameters of one group that have a gradient: what an update rule is given (`UpdateBatch`)."""

    parameters: list[Tensor]
    gradients: list[Tensor]
    state: list[dict[str, Tensor]]
    lr: float
    weight_decay: float
    found_inf: Tensor | None

    def steps(self) -> list[Tensor]:
        """The number of updates of each parameter, () float32 on its device."""
        for parameter, kept in zip(self.parameters, self.state, strict=True):
            if "step" not in kept:
                kept["step"] = torch.zeros((), dtype=torch.float32, device=parameter.device)
        return [kept["step"] for kept in self.state]

    def buffers(self, name: str) -> list[Tensor]:
        """A tensor like each parameter, of zeros at first."""
        for parameter, kept in zip(self.parameters, self.state, strict=True):
            if name not in kept:
                kept[name] = torch.zeros_like(parameter)
        return [kept[name] for kept in self.state]

    def partition(self) -> Sequence["ReadyParameters"]:
        """Those without any state yet, then the others."""
        new = [not kept for kept in self.state]
        return [part for wanted in (True, False) if (part := self._where(new, wanted)).parameters]

    def _where(self, flags: Sequence[bool], wanted: bool) -> "ReadyParameters":
        numbers = [number for number, flag in enumerate(flags) if flag == wanted]
        return ReadyParameters(
            parameters=[self.parameters[n] for n in numbers],
            gradients=[self.gradients[n] for n in numbers],
            state=[self.state[n] for n in numbers],
            lr=self.lr,
            weight_decay=self.weight_decay,
            found_inf=self.found_inf,
        )


class Optimizer:
    """Moves parameters by their gradients, as an entry of `OPTIMIZERS` says.

    Attributes:
        parameters: all that are trained, in the model's order; one without a gradient is passed over.
        lr: of the next update, before the scale of a group.
        state: what is kept for each parameter, by name.
        found_inf: () float on the device; where it is 1, an update changes nothing.
    """

    def __init__(
        self, parameters: Sequence[Tensor], groups: Sequence[ParameterGroup], recipe: Recipe
    ) -> None:
        """`groups` hold each of `parameters` once; the state is numbered in the order of `parameters`."""
        self.parameters = list(parameters)
        self.groups = groups
        self.lr = recipe.lr
        self.state: dict[Tensor, dict[str, Tensor]] = {}
        self.found_inf: Tensor | None = None
        self._entry = OPTIMIZERS[recipe.optimizer]
        self._params = recipe.optimizer_params

    @torch.no_grad()
    def step(self) -> None:
        """One update from the gradients that lie ready."""
        for ready in self._ready():
            self._entry.update(ready, self._params)

    def _ready(self) -> Iterator[ReadyParameters]:
        for group in self.groups:
            with_gradient = [p for p in group.parameters if p.grad is not None]
            if not with_gradient:
                continue
            yield ReadyParameters(
                parameters=with_gradient,
                gradients=[p.grad for p in with_gradient if p.grad is not None],
                state=[self.state.setdefault(p, {}) for p in with_gradient],
                lr=self.lr * group.lr_scale,
                weight_decay=group.weight_decay,
                found_inf=self.found_inf,
            )

    def zero_grad(self) -> None:
        """Drop the gradients, so that the next backward pass makes new ones."""
        for parameter in self.parameters:
            parameter.grad = None

    def state_dict(self) -> dict[str, Tensor]:
        """What is kept, under the number of the parameter: "0/exp_avg"."""
        return {
            f"{number}/{name}": tensor
            for number, parameter in enumerate(self.parameters)
            for name, tensor in self.state.get(parameter, {}).items()
        }

    def load_state_dict(self, tensors: Mapping[str, Tensor]) -> None:
        """Take up what `state_dict` gave; raises `ValueError` where it does not fit."""
        for number, parameter in enumerate(self.parameters):
            start = f"{number}/"
            stored = {k[len(start) :]: t for k, t in tensors.items() if k.startswith(start)}
            if stored and stored.keys() != self._entry.state_names(self._params):
                raise ValueError(f"the optimizer's state holds {', '.join(sorted(stored))}")
            self.state[parameter] = {
                name: fitted(name, value, parameter) for name, value in stored.items()
            }


def fitted(name: str, value: Tensor, parameter: Tensor) -> Tensor:
    """A part of a parameter's state on its device and in its memory layout.

    The fused kernels rely on the layout and check neither shape nor type, so both are checked here.
    """
    like = torch.zeros((), device=parameter.device) if name == "step" else parameter
    if value.shape != like.shape or value.dtype != like.dtype:
        raise ValueError(f"the optimizer's {name} is {tuple(value.shape)} {value.dtype}")
    return torch.empty_like(like, requires_grad=False).copy_(value)


def build_optimizer(model: nn.Module, recipe: Recipe) -> Optimizer:
    """The recipe's optimizer over the trainable parameters.

    Raises:
        UsageError: there is none.
    """
    parameters = [p for p in model.parameters() if p.requires_grad]
    if not parameters:
        raise UsageError("the model has no trainable parameter")
    return Optimizer(parameters, parameter_groups(model, recipe), recipe)


def parameter_groups(model: nn.Module, recipe: Recipe) -> list[ParameterGroup]:
    """The trainable parameters, together where weight decay and learning rate are alike.

    One group of all unless the recipe sets norms and biases apart, or scales the rate by layer.
    """
    depth = layer_depths(model)
    alike: dict[tuple[float, float], list[Tensor]] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        decays = recipe.decay_norm_and_bias or parameter.ndim > 1
        key = (recipe.weight_decay if decays else 0.0, recipe.layer_decay ** depth[name])
        alike.setdefault(key, []).append(parameter)
    return [
        ParameterGroup(parameters=parameters, weight_decay=decay, lr_scale=scale)
        for (decay, scale), parameters in alike.items()
    ]


def layer_depths(model: nn.Module) -> dict[str, int]:
    """How many layers lie between each parameter and the last layer, by the parameter's name.

    A layer is a module with a weight of two dimensions or more; what has none (a norm) belongs to
    the layer that was declared before it.
    """
    layer = -1
    layers: dict[str, int] = {}
    for prefix, module in model.named_modules():
        own = dict(module.named_parameters(prefix, recurse=False))
        layer += any(parameter.ndim > 1 for parameter in own.values())
        layers |= {name: max(layer, 0) for name in own}
    return {name: max(layer, 0) - number for name, number in layers.items()}
