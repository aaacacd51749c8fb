"""How to train: every value that decides the course of training, typed and bounded."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, model_validator

from clfw.api.params import Params, Resolved
from clfw.errors import UsageError
from clfw.text import MAX_LISTED, did_you_mean, escape

Positive = Annotated[int, Field(ge=1)]
Weight = Annotated[float, Field(ge=0)]


class Recipe(Params):
    """The `train` group of a plan. An update is one optimiser step."""

    epochs: int = Field(10, ge=1, description="passes over the training split")
    steps: Positive | None = Field(
        None, description="stop after this many updates, whatever the epochs say"
    )
    batch_size: Positive | Literal["full"] = Field(
        128, description="pictures in a batch, or 'full' for the whole training split"
    )
    accumulate: int = Field(1, ge=1, description="batches whose gradients make one update")
    optimizer: Literal["adam", "adamw", "sgd"] = Field("adam", description="update rule")
    lr: float = Field(1e-3, gt=0, le=100, description="learning rate; the peak of a schedule")
    weight_decay: float = Field(
        0.0, ge=0, le=10, description="L2 penalty (decoupled for adamw), per update"
    )
    betas: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] = Field(
        (0.9, 0.999), description="decay of the first and second moments (adam, adamw)"
    )
    amsgrad: bool = Field(False, description="keep the largest second moment (adam, adamw)")
    momentum: float = Field(0.9, ge=0, lt=1, description="momentum (sgd)")
    nesterov: bool = Field(False, description="Nesterov momentum (sgd)")
    schedule: Literal["constant", "one_cycle", "cosine", "plateau"] = Field(
        "constant", description="course of the learning rate"
    )
    warmup: float = Field(
        0.0, ge=0, lt=1, description="share of all updates in which lr rises (one_cycle, cosine)"
    )
    plateau_factor: float = Field(0.5, gt=0, lt=1, description="lr multiplier on a plateau")
    plateau_patience: int = Field(
        3, ge=0, description="evaluations without progress before lr falls"
    )
    plateau_min_lr: float = Field(1e-6, ge=0, description="lr never falls under this (plateau)")
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="share of the target spread over all classes"
    )
    class_weights: Literal["none", "balanced"] | tuple[Weight, ...] | dict[str, Weight] = Field(
        "none",
        description="loss weight per class: none, balanced by count, a list, or by name, as in "
        '{cat=2, "big dog"=0.5}',
    )
    sampling: Literal["shuffled", "balanced"] = Field(
        "shuffled",
        description="an epoch's rows: each once, or drawn so that all classes are equally probable",
    )
    clip_norm: Annotated[float, Field(gt=0)] | None = Field(
        None, description="gradients are scaled down to this norm"
    )
    ema: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        None, description="decay of averaged weights, per update; they are evaluated and saved"
    )
    monitor: Literal["loss", "accuracy"] = Field(
        "accuracy",
        description="validation figure that decides best weights, plateau, stopping; the other one "
        "decides between equals",
    )
    patience: Positive | None = Field(
        None, description="evaluations without progress before training stops"
    )
    keep: Literal["best", "last"] = Field(
        "best", description="weights that are saved: best by the monitor, or those of the end"
    )
    evaluate_epochs: int = Field(1, ge=1, description="epochs between evaluations")
    evaluate_steps: Positive | None = Field(
        None, description="updates between evaluations, instead of epochs"
    )
    observe_test: bool = Field(
        False, description="evaluate the test split during training too; it never steers"
    )
    views: int = Field(
        4,
        ge=1,
        le=1000,
        description="augmented versions of each picture that a frozen backbone sees",
    )
    checkpoint_steps: Positive | None = Field(
        None, description="updates between checkpoints for a resume; epochs' ends if not set"
    )
    checkpoint_seconds: float = Field(
        10.0, ge=0, le=86400, description="least time between checkpoints at epochs' ends, seconds"
    )
    snapshot_epochs: Positive | None = Field(
        None, description="epochs between weights files that are kept beside the final one"
    )
    seed: int = Field(0, ge=0, lt=2**32, description="decides weights, order and augmentation")

    @model_validator(mode="after")
    def _consistent(self) -> "Recipe":
        if self.batch_size == "full" and self.accumulate > 1:
            raise ValueError("accumulate must be 1 when batch_size is 'full'")
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov needs a momentum above 0")
        if self.sampling == "balanced" and self.class_weights == "balanced":
            raise ValueError(
                "sampling and class_weights both balance the classes; take one of them"
            )
        return self

    def require_classes(self, num_classes: int) -> None:
        """Raise `UsageError` where the values are for another number of classes."""
        if isinstance(self.class_weights, tuple) and len(self.class_weights) != num_classes:
            raise UsageError(
                f"train.class_weights: has {len(self.class_weights)} values, "
                f"and there are {num_classes} classes",
                hint="give one value for each class, in the order of the classes",
            )


# What a value is for: the setting that decides, and the choices that use it, the usual one first.
USED_BY = {
    "plateau_factor": ("schedule", ("plateau",)),
    "plateau_patience": ("schedule", ("plateau",)),
    "plateau_min_lr": ("schedule", ("plateau",)),
    "warmup": ("schedule", ("one_cycle", "cosine")),
    "betas": ("optimizer", ("adam", "adamw")),
    "amsgrad": ("optimizer", ("adam", "adamw")),
    "momentum": ("optimizer", ("sgd",)),
    "nesterov": ("optimizer", ("sgd",)),
}
# Of two values for one thing the first decides, whatever an entry says of the second.
DECIDES = {"steps": "epochs", "evaluate_steps": "evaluate_epochs"}


def refuse_unused(recipe: Resolved[Recipe]) -> None:
    """Raise `UsageError` where a value that the command line gives would be ignored."""
    given = {key: origin for key, origin in recipe.origins.items() if origin.startswith("--")}
    for key, (decider, users) in USED_BY.items():
        chosen = getattr(recipe.params, decider)
        if key in given and chosen not in users:
            raise UsageError(
                f"{given[key]}: train.{key}: {decider} is {chosen}, which does not use it",
                hint=f"add --set train.{decider}={users[0]}, or leave it out",
            )
    for key, other in DECIDES.items():
        if key in given and other in given:
            raise UsageError(
                f"train.{key} and train.{other}: both say when, and {other} would be ignored",
                hint="leave one of them out",
            )


def for_classes(recipe: Resolved[Recipe], classes: Sequence[str]) -> Resolved[Recipe]:
    """The recipe with its weights in the order of `classes`; a class that is not named weighs 1.

    Raises:
        UsageError: weights for other classes, or for another number of them.
    """
    weights = recipe.params.class_weights
    recipe.params.require_classes(len(classes))
    if not isinstance(weights, dict):
        return recipe
    for name in weights:
        if name not in classes:
            known = ", ".join(escape(known, 30) for known in classes[:MAX_LISTED])
            raise UsageError(
                f"train.class_weights: there is no class '{escape(name, 30)}'",
                hint=did_you_mean(name, classes, f"the classes are: {known}"),
            )
    in_order = tuple(weights.get(name, 1.0) for name in classes)
    params = recipe.params.model_copy(update={"class_weights": in_order})
    return Resolved(params, recipe.origins)
