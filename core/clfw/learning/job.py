"""What a trainer is given and what it gives back."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from torch import Tensor, nn

from clfw.data.opening import Progress
from clfw.learning.batches import Batches
from clfw.learning.device import Device
from clfw.learning.evaluation import Evaluation
from clfw.learning.record import EpochReport, Record
from clfw.recipe import Recipe
from clfw.runfolder.checkpoints import Snapshot

Say = Callable[[str], None]
Evaluate = Callable[[nn.Module], Evaluation]
AugmentBatch = Callable[[Tensor, Tensor, Tensor, int], tuple[Tensor, Tensor]]


class State(Protocol):
    """A training under way, as a keeper sees it.

    Attributes:
        step, total: updates done, and planned.
        record: of the epoch under way.
    """

    step: int
    total: int
    record: Record

    @property
    def finished(self) -> bool:
        """Whether the last update is done."""

    def snapshot(self) -> Snapshot:
        """All of it, for a checkpoint."""

    def restore(self, snapshot: Snapshot, history: list[EpochReport]) -> None:
        """Go back to a snapshot."""


class Keeper(Protocol):
    """Keeps the state of training safe, and says when to leave off."""

    def begin(self, state: State) -> None:
        """Before the first update: go back to what was kept, or keep the beginning."""

    def consider(self, state: State) -> None:
        """After an update or an epoch: keep the state where it is due; raises to leave off."""


class NoKeeper:
    """Keeps nothing."""

    def begin(self, state: State) -> None:
        """Start from the beginning."""

    def consider(self, state: State) -> None:
        """Go on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
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
    normalise: Callable[[Tensor], Tensor]
    recipe: Recipe
    device: Device
    held_out: dict[str, Evaluate]
    report: Callable[[EpochReport], None]
    progress: Progress
    keeper: Keeper


@dataclass(frozen=True, kw_only=True, slots=True)
class Trained:
    """What a trainer leaves: the model holds the weights that `weights` and `step` name."""

    history: tuple[EpochReport, ...]
    weights: Literal["best", "last"]
    averaged: bool
    step: int
    stopped: str


class Trainer(Protocol):
    """Trains a model in place."""

    def fit(self, job: Job) -> Trained:
        """Train, report every epoch, and leave the chosen weights in `job.model`."""


def no_augmentation(
    images: Tensor, targets: Tensor, rows: Tensor, epoch: int
) -> tuple[Tensor, Tensor]:
    """The pictures as they are."""
    return images, targets
