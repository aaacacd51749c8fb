"""The optimizers that `train.optimizer` chooses from: parameters and update rule of each.

An optimizer is one entry of `OPTIMIZERS`. PyTorch is imported when a rule is used, not before, and its
functions are called, not its classes: making the first object of a class imports PyTorch's compiler,
which takes longer than everything else between the command and the first step.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Protocol

from pydantic import Field, model_validator

from clfw.api.params import Params

if TYPE_CHECKING:
    from torch import Tensor

EPSILON = 1e-8  # of Adam
Decay = Annotated[float, Field(ge=0, lt=1)]


class UpdateBatch(Protocol):
    """Parameters of one group that have a gradient, as an update rule is given them.

    Attributes:
        parameters, gradients: of equal length; a rule changes the parameters in place.
        state: what is kept for each of them between updates, by name.
        found_inf: () float on the device; where it is 1, the rule must change nothing.
    """

    parameters: "list[Tensor]"
    gradients: "list[Tensor]"
    state: "list[dict[str, Tensor]]"
    lr: float
    weight_decay: float
    found_inf: "Tensor | None"

    def steps(self) -> "list[Tensor]":
        """The number of updates of each parameter, () float32, as "step" in the state."""

    def buffers(self, name: str) -> "list[Tensor]":
        """A tensor like each parameter, of zeros at first, under `name` in the state."""

    def partition(self) -> "Sequence[UpdateBatch]":
        """Those without any state yet, then the others."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OptimizerEntry:
    """One optimizer.

    Attributes:
        params: the class of the `optimizer` group.
        state_names: what is kept for each parameter, by the group's values.
        update: one update of parameters whose gradients lie ready; runs under `torch.no_grad`.
    """

    summary: str
    params: type[Params]
    state_names: Callable[[Any], frozenset[str]]
    update: Callable[[UpdateBatch, Any], None]


class AdamParams(Params):
    """The `optimizer` group of Adam and AdamW."""

    betas: tuple[Decay, Decay] = Field(
        (0.9, 0.999), description="decay of the first and second moments"
    )
    amsgrad: bool = Field(False, description="keep the largest second moment")


def adam_state_names(params: AdamParams) -> frozenset[str]:
    """Both moments, and the largest second one for AMSGrad."""
    largest = {"max_exp_avg_sq"} if params.amsgrad else set()
    return frozenset({"step", "exp_avg", "exp_avg_sq"} | largest)


def update_adam(batch: UpdateBatch, params: AdamParams, *, decoupled: bool) -> None:
    """Adam (Kingma and Ba 2015), or AdamW (Loshchilov and Hutter 2019) where decay is decoupled."""
    from torch.optim.adam import adam

    adam(
        batch.parameters,
        batch.gradients,
        state_steps=batch.steps(),
        exp_avgs=batch.buffers("exp_avg"),
        exp_avg_sqs=batch.buffers("exp_avg_sq"),
        max_exp_avg_sqs=batch.buffers("max_exp_avg_sq") if params.amsgrad else [],
        fused=True,
        found_inf=batch.found_inf,
        decoupled_weight_decay=decoupled,
        amsgrad=params.amsgrad,
        beta1=params.betas[0],
        beta2=params.betas[1],
        lr=batch.lr,
        weight_decay=batch.weight_decay,
        eps=EPSILON,
        maximize=False,
    )


class SGDParams(Params):
    """The `optimizer` group of SGD."""

    momentum: float = Field(0.9, ge=0, lt=1, description="momentum")
    nesterov: bool = Field(False, description="Nesterov momentum")

    @model_validator(mode="after")
    def _consistent(self) -> "SGDParams":
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov needs a momentum above 0")
        return self


def sgd_state_names(params: SGDParams) -> frozenset[str]:
    """The momentum, where there is one."""
    return frozenset({"momentum_buffer"} if params.momentum else ())


def update_sgd(batch: UpdateBatch, params: SGDParams) -> None:
    """Stochastic gradient descent, with momentum, Nesterov's too, if asked for."""
    from torch.optim.sgd import sgd

    # Apart, as the kernel takes momentum for a parameter's first gradient, or for none.
    for part in batch.partition():
        buffers = [state.get("momentum_buffer") for state in part.state]
        sgd(
            part.parameters,
            part.gradients,
            buffers,
            fused=True,
            found_inf=part.found_inf,
            weight_decay=part.weight_decay,
            momentum=params.momentum,
            lr=part.lr,
            dampening=0.0,
            nesterov=params.nesterov,
            maximize=False,
        )
        for state, buffer in zip(part.state, buffers, strict=True):
            if buffer is not None:
                state["momentum_buffer"] = buffer


OPTIMIZERS: dict[str, OptimizerEntry] = {
    "adam": OptimizerEntry(
        summary="Adam; weight decay is an L2 penalty",
        params=AdamParams,
        state_names=adam_state_names,
        update=partial(update_adam, decoupled=False),
    ),
    "adamw": OptimizerEntry(
        summary="Adam with decoupled weight decay",
        params=AdamParams,
        state_names=adam_state_names,
        update=partial(update_adam, decoupled=True),
    ),
    "sgd": OptimizerEntry(
        summary="stochastic gradient descent with momentum",
        params=SGDParams,
        state_names=sgd_state_names,
        update=update_sgd,
    ),
}
