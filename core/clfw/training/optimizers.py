"""Optimisers: Adam, AdamW and SGD by PyTorch's fused kernels.

The classes of `torch.optim` are not used: making the first of them imports PyTorch's compiler, which
takes longer than everything else between the command and the first step. Their functions are, so
every bit is theirs, and so are the names in the state.
"""

from collections.abc import Iterable
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.optim.adam import adam
from torch.optim.sgd import sgd

from clfw.config.recipe import Recipe
from clfw.errors import UsageError

EPSILON = 1e-8  # of Adam


class Optimizer(Protocol):
    """Moves parameters by their gradients.

    Attributes:
        parameters: all that are trained; one without a gradient is passed over.
        lr: of the next step.
        state: what is kept for each parameter, by name.
        found_inf: () float on the device; where it is 1, a step changes nothing.
    """

    parameters: list[Tensor]
    lr: float
    state: dict[Tensor, dict[str, Tensor]]
    found_inf: Tensor | None

    def step(self) -> None:
        """One update from the gradients that lie ready."""


class Adam:
    """Adam (Kingma and Ba 2015) or AdamW (Loshchilov and Hutter 2019), with AMSGrad if asked for."""

    def __init__(self, parameters: Iterable[Tensor], recipe: Recipe) -> None:
        self.parameters = list(parameters)
        self.lr = recipe.lr
        self.state: dict[Tensor, dict[str, Tensor]] = {}
        self.found_inf: Tensor | None = None
        self._recipe = recipe

    @torch.no_grad()
    def step(self) -> None:
        """One update from the gradients that lie ready."""
        ready = [p for p in self.parameters if p.grad is not None]
        kept = [self._state_of(p) for p in ready]
        recipe = self._recipe
        adam(
            ready,
            [p.grad for p in ready if p.grad is not None],
            [state["exp_avg"] for state in kept],
            [state["exp_avg_sq"] for state in kept],
            [state["max_exp_avg_sq"] for state in kept] if recipe.amsgrad else [],
            [state["step"] for state in kept],
            fused=True,
            found_inf=self.found_inf,
            decoupled_weight_decay=recipe.optimizer == "adamw",
            amsgrad=recipe.amsgrad,
            beta1=recipe.betas[0],
            beta2=recipe.betas[1],
            lr=self.lr,
            weight_decay=recipe.weight_decay,
            eps=EPSILON,
            maximize=False,
        )

    def _state_of(self, parameter: Tensor) -> dict[str, Tensor]:
        state = self.state.setdefault(parameter, {})
        if not state:
            state["step"] = torch.zeros((), dtype=torch.float32, device=parameter.device)
            names = ["exp_avg", "exp_avg_sq"] + ["max_exp_avg_sq"] * self._recipe.amsgrad
            state |= {name: torch.zeros_like(parameter) for name in names}
        return state


class SGD:
    """Stochastic gradient descent, with momentum, Nesterov's too, if asked for."""

    def __init__(self, parameters: Iterable[Tensor], recipe: Recipe) -> None:
        self.parameters = list(parameters)
        self.lr = recipe.lr
        self.state: dict[Tensor, dict[str, Tensor]] = {}
        self.found_inf: Tensor | None = None
        self._recipe = recipe

    def step(self) -> None:
        """One update from the gradients that lie ready."""
        ready = [p for p in self.parameters if p.grad is not None]
        # Apart, as the kernel takes momentum for a parameter's first gradient, or for none.
        first = [p for p in ready if not self.state.get(p)]
        later = [p for p in ready if self.state.get(p)]
        self._step(first)
        self._step(later)

    @torch.no_grad()
    def _step(self, ready: list[Tensor]) -> None:
        recipe = self._recipe
        buffers = [self.state.get(p, {}).get("momentum_buffer") for p in ready]
        sgd(
            ready,
            [p.grad for p in ready if p.grad is not None],
            buffers,
            fused=True,
            found_inf=self.found_inf,
            weight_decay=recipe.weight_decay,
            momentum=recipe.momentum,
            lr=self.lr,
            dampening=0.0,
            nesterov=recipe.nesterov,
            maximize=False,
        )
        for parameter, buffer in zip(ready, buffers, strict=True):
            if buffer is not None:
                self.state[parameter] = {"momentum_buffer": buffer}


def build_optimizer(model: nn.Module, recipe: Recipe) -> Optimizer:
    """The recipe's optimiser over the trainable parameters.

    Fused, because it is the fastest on every device and because only the fused kernels can skip an
    update on the device itself (`found_inf`), without making the host wait.
    """
    parameters = [p for p in model.parameters() if p.requires_grad]
    if not parameters:
        raise UsageError("the model has no trainable parameter")
    return SGD(parameters, recipe) if recipe.optimizer == "sgd" else Adam(parameters, recipe)
