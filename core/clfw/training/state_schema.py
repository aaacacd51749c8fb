"""The parts of a saved training state, each checked before it is taken up."""

import random
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from clfw.api.params import Params

Count = Annotated[int, Field(ge=0, lt=2**48)]
Word = Annotated[int, Field(ge=0, lt=2**32)]


class SavedProgress(Params):
    """The fields of `BestTracker`."""

    best: tuple[float, float] | None
    stale: Count
    plateau_stale: Count
    lr_scale: Annotated[float, Field(gt=0, le=1)]


def seed_generators(seed: int) -> None:
    """Seed every generator that a network or a plugin may draw from."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


class SavedRandom(Params):
    """Python's and NumPy's generators, which plugins may use; torch's own are among the tensors."""

    python: tuple[int, Annotated[list[Word], Field(max_length=625)], float | None]
    numpy: tuple[
        str,
        Annotated[list[Word], Field(min_length=624, max_length=624)],
        Annotated[int, Field(ge=0, le=624)],
        int,
        float,
    ]

    @classmethod
    def now(cls) -> dict[str, Any]:
        """The present states, as JSON values."""
        version, internal, gauss = random.getstate()
        name, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
        return {
            "python": [version, list(internal), gauss],
            "numpy": [name, np.asarray(keys).tolist(), position, has_gauss, cached],
        }

    def take_up(self) -> None:
        """Make these the present states."""
        version, internal, gauss = self.python
        random.setstate((version, tuple(internal), gauss))
        name, keys, position, has_gauss, cached = self.numpy
        np.random.set_state((name, np.array(keys, np.uint32), position, has_gauss, cached))


class Counters(Params):
    """All of a training state that is no tensor, and what is known of the files that grow beside it.

    Attributes:
        files, digests: length and SHA-256 of each of those files, by name.
        points: (step, split, accuracy, loss) of this epoch's evaluations so far.
        plan: what the training was made with, by dotted name.
        phase: the part of the training that it is of.
    """

    epoch: Count
    stopped: str
    lr: float
    best_step: Count
    has_best: bool
    ema_updates: Count
    progress: SavedProgress
    points: list[tuple[Count, str, float, float]]
    random: SavedRandom
    files: dict[str, Count] = Field(default_factory=dict)
    digests: dict[str, str] = Field(default_factory=dict)
    plan: dict[str, Any] = Field(default_factory=dict)
    phase: str = "training"


def require_same_shapes(
    what: str, saved: Mapping[str, Tensor], model: Mapping[str, Tensor]
) -> None:
    """Raise `ValueError` unless `saved` has the tensors of a model's state."""
    if {n: (t.shape, t.dtype) for n, t in saved.items()} != {
        n: (t.shape, t.dtype) for n, t in model.items()
    }:
        raise ValueError(f"the {what} weights are not those of the model")


def add_prefix(prefix: str, tensors: Any) -> dict[str, Tensor]:
    """`tensors` under `prefix/`."""
    return {f"{prefix}/{name}": value for name, value in tensors.items()}


def strip_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under `prefix/`, without it."""
    start = f"{prefix}/"
    return {n[len(start) :]: t for n, t in tensors.items() if n.startswith(start)}
