"""What a trainer is given and what it gives back."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from torch import Tensor, nn

from clfw.api.reports import EpochReport
from clfw.config.recipe import Recipe
from clfw.io.progress import Progress
from clfw.metrics.evaluation import Evaluation
from clfw.models.batches import Batches
from clfw.models.device import Device
from clfw.training.checkpoints import Snapshot
from clfw.training.meters import EpochMeter

Say = Callable[[str], None]
Evaluate = Callable[[nn.Module], Evaluation]
AugmentBatch = Callable[[Tensor, Tensor, Tensor, int], tuple[Tensor, Tensor]]


class State(Protocol):
    """A training under way, as a checkpointer sees it.

    Attributes:
        step, total: updates done, and planned.
        meter: of the epoch under way.
    """

    step: int
    total: int
    meter: EpochMeter

    @property
    def finished(self) -> bool:
        """Whether the last update is done."""

    def unfinished_rows(self) -> list[tuple[float, float, float]]:
        """(loss, accuracy, gradient norm) of the epoch's updates so far, up to the first bad one."""

    def snapshot(self) -> Snapshot:
        """All of it, for a checkpoint."""

    def restore(self, snapshot: Snapshot, history: list[EpochReport]) -> None:
        """Go back to a snapshot."""


class Checkpointer(Protocol):
    """Keeps the state of training safe, and says when to leave off."""

    def restore_or_start(self, state: State) -> None:
        """Before the first update: go back to what was kept, or keep the beginning."""

    def maybe_save(self, state: State) -> None:
        """After an update or an epoch: keep the state where it is due; raises to leave off."""


class NullCheckpointer:
    """Keeps nothing."""

    def restore_or_start(self, state: State) -> None:
        """Start from the beginning."""

    def maybe_save(self, state: State) -> None:
        """Go on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainInputs:
    """Everything that a trainer needs.

    Attributes:
        model: initialised and on the device; trained in place.
        augment: (images, targets, rows, epoch) to (images, targets).
        held_out: what to evaluate during training, by split; "validation" steers, "test" never does.
        report: called after each epoch.
    """

    model: nn.Module
    training: Batches
    num_classes: int
    augment: AugmentBatch
    normalize: Callable[[Tensor], Tensor]
    recipe: Recipe
    device: Device
    held_out: dict[str, Evaluate]
    report: Callable[[EpochReport], None]
    progress: Progress
    checkpointer: Checkpointer


@dataclass(frozen=True, kw_only=True, slots=True)
class FitResult:
    """What a trainer leaves: the model holds the weights that `weights` and `step` name."""

    history: tuple[EpochReport, ...]
    weights: Literal["best", "last"]
    averaged: bool
    step: int
    stopped: str


class Trainer(Protocol):
    """Trains a model in place."""

    def fit(self, inputs: TrainInputs) -> FitResult:
        """Train, report every epoch, and leave the chosen weights in `inputs.model`."""


def no_augmentation(
    images: Tensor, targets: Tensor, rows: Tensor, epoch: int
) -> tuple[Tensor, Tensor]:
    """The pictures as they are."""
    return images, targets
