"""How to train: every value that decides the course of training, typed and bounded.

What belongs to one optimizer, schedule or loss is a group of its own; the `train` group chooses them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    SerializeAsAny,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema

from clfw.api.params import Layer, Params, Resolved, known_parameters, resolve
from clfw.config.losses import LOSSES, LossEntry
from clfw.config.optimizers import OPTIMIZERS, OptimizerEntry
from clfw.config.schedules import SCHEDULES, ScheduleEntry
from clfw.errors import UsageError
from clfw.metrics.table import METRICS, can_steer
from clfw.text import MAX_LISTED, did_you_mean, escape

Positive = Annotated[int, Field(ge=1)]
Weight = Annotated[float, Field(ge=0)]

TABLES: Mapping[str, Mapping[str, OptimizerEntry | ScheduleEntry | LossEntry]] = {
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "loss": LOSSES,
}
"""The groups beside `train`, and what each can be of; `train.optimizer` chooses from the first."""


# Where keys of the `train` group are now that have become a group's own.
MOVED = {
    "betas": "optimizer.betas",
    "amsgrad": "optimizer.amsgrad",
    "momentum": "optimizer.momentum",
    "nesterov": "optimizer.nesterov",
    "warmup": "schedule.warmup",
    "plateau_factor": "schedule.factor",
    "plateau_patience": "schedule.patience",
    "plateau_min_lr": "schedule.min_lr",
    "label_smoothing": "loss.label_smoothing",
}


@dataclass(frozen=True)
class NameIn:
    """Marks a text field as a name of `table`, which may grow, whose entry is `fit` for it."""

    table: Mapping[str, object]
    fit: Callable[[Any], bool] = lambda entry: True

    def names(self) -> list[str]:
        """Those that the table has now."""
        return [name for name, entry in self.table.items() if self.fit(entry)]

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.require_known, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(schema), "enum": self.names()}

    def require_known(self, name: str) -> str:
        """The name; raises `ValueError` with all that there are where it is none of them."""
        if name not in (names := self.names()):
            *most, last = map(repr, names)
            raise ValueError(f"must be {', '.join(most)}{' or ' if most else ''}{last}")
        return name


class TrainParams(Params):
    """The `train` group of a plan. An update is one optimizer step."""

    epochs: int = Field(10, ge=1, description="passes over the training split")
    steps: Positive | None = Field(
        None, description="stop after this many updates, whatever the epochs say"
    )
    batch_size: Positive | Literal["full"] = Field(
        128, description="pictures in a batch, or 'full' for the whole training split"
    )
    accumulate: int = Field(1, ge=1, description="batches whose gradients make one update")
    optimizer: Annotated[str, NameIn(OPTIMIZERS)] = Field("adam", description="update rule")
    lr: float = Field(1e-3, gt=0, le=100, description="learning rate; the peak of a schedule")
    weight_decay: float = Field(
        0.0, ge=0, le=10, description="L2 penalty (decoupled for adamw), per update"
    )
    decay_norm_and_bias: bool = Field(
        True, description="whether weight decay holds for norms and biases too"
    )
    layer_decay: float = Field(
        1.0, gt=0, le=1, description="lr multiplier from each layer to the one before it"
    )
    schedule: Annotated[str, NameIn(SCHEDULES)] = Field(
        "constant", description="course of the learning rate"
    )
    loss: Annotated[str, NameIn(LOSSES)] = Field(
        "cross_entropy", description="what training makes small"
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
    monitor: Annotated[str, NameIn(METRICS, can_steer)] = Field(
        "accuracy",
        description="validation figure that decides best weights, plateau, stopping; between equals "
        "the loss decides, or the accuracy where the loss is monitored",
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
    def _consistent(self) -> "TrainParams":
        if self.batch_size == "full" and self.accumulate > 1:
            raise ValueError("accumulate must be 1 when batch_size is 'full'")
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


class Recipe(TrainParams):
    """All of how to train: the `train` group, and the groups of what it chooses.

    A group that is not given has its defaults; one given as a dictionary is validated.
    """

    optimizer_params: SerializeAsAny[Params]
    schedule_params: SerializeAsAny[Params]
    loss_params: SerializeAsAny[Params]

    @model_validator(mode="before")
    @classmethod
    def _groups(cls, values: dict[str, Any]) -> dict[str, Any]:
        groups = {}
        for group, table in TABLES.items():
            name = values.get(group, cls.model_fields[group].default)
            given = values.get(f"{group}_params", {})
            if name in table and not isinstance(given, Params):
                given = table[name].params.model_validate(given)
            groups[f"{group}_params"] = given
        return {**values, **groups}

    def groups(self) -> dict[str, dict[str, Any]]:
        """The values as JSON, by group: `train`, and what it chooses."""
        values = self.model_dump(mode="json")
        own = {group: values.pop(f"{group}_params") for group in TABLES}
        return {"train": values, **own}


# Of two values for one thing the first decides, whatever an entry says of the second.
DECIDES = {"steps": "epochs", "evaluate_steps": "evaluate_epochs"}


def resolve_recipe(layers: Mapping[str, Sequence[Layer]]) -> Resolved[Recipe]:
    """The recipe of `layers` by group; the origin of a group's own value is under "group.key".

    A value of a registry's that what is chosen does not use is passed over: it was meant for another choice.

    Raises:
        UsageError: an unknown key, a wrong value, or one of the command line that would be ignored.
    """
    for layer in layers["train"]:
        refuse_moved(layer)
    train = resolve(TrainParams, layers["train"], "train")
    refuse_undecided(train)
    groups: dict[str, Resolved[Params]] = {}
    for group, table in TABLES.items():
        chosen = getattr(train.params, group)
        used = [used_by(chosen, group, layer) for layer in layers[group]]
        groups[group] = resolve(table[chosen].params, used, group)
    return whole_recipe(train, groups)


def whole_recipe(
    train: Resolved[TrainParams], groups: Mapping[str, Resolved[Params]]
) -> Resolved[Recipe]:
    """The recipe of its `train` group and of the groups of what that chooses, with every origin."""
    values, origins = dict(train.params), dict(train.origins)
    for group, own in groups.items():
        values[f"{group}_params"] = own.params
        origins |= {f"{group}.{key}": origin for key, origin in own.origins.items()}
    return Resolved(Recipe.model_validate(values), origins)


def refuse_moved(layer: Layer) -> None:
    """Raise `UsageError` for a key of `train` that has become a group's own."""
    for key in layer.values:
        if key in MOVED:
            raise UsageError(
                f"{layer.origin}: train.{key}: no such parameter", hint=f"it is {MOVED[key]} now"
            )


def used_by(chosen: str, group: str, layer: Layer) -> Layer:
    """`layer` without the values that are for another choice of the group than `chosen`.

    Raises:
        UsageError: no choice has that value, or a person gives it.
    """
    own = TABLES[group][chosen].params.model_fields
    for key in layer.values:
        if key in own:
            continue
        users = [name for name, entry in TABLES[group].items() if key in entry.params.model_fields]
        if not users:
            known = [name for entry in TABLES[group].values() for name in entry.params.model_fields]
            raise UsageError(
                f"{layer.origin}: {group}.{escape(key)}: no such parameter",
                hint=did_you_mean(key, known, known_parameters([*own])),
            )
        if layer.origin.startswith("--"):
            raise UsageError(
                f"{layer.origin}: {group}.{key}: {group} is {chosen}, which does not use it",
                hint=f"add --set train.{group}={users[0]}, or leave it out",
            )
    return Layer(layer.origin, {key: v for key, v in layer.values.items() if key in own})


def refuse_undecided(train: Resolved[TrainParams]) -> None:
    """Raise `UsageError` where the command line gives two values for one thing."""
    given = {key for key, origin in train.origins.items() if origin.startswith("--")}
    for key, other in DECIDES.items():
        if key in given and other in given:
            raise UsageError(
                f"train.{key} and train.{other}: both say when, and {other} would be ignored",
                hint="leave one of them out",
            )


def recipe_to_json(recipe: Resolved[Recipe]) -> dict[str, dict[str, dict[str, Any]]]:
    """The groups of a recipe for the plan, each `{name: {"value": ..., "origin": ...}}`."""
    return {
        group: {
            key: {
                "value": value,
                "origin": recipe.origins[key if group == "train" else f"{group}.{key}"],
            }
            for key, value in values.items()
        }
        for group, values in recipe.params.groups().items()
    }


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
