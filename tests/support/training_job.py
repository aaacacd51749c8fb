"""A training job of a few pictures, for tests of the loop."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from clfw.api.preprocess import Preprocess
from clfw.api.reports import EpochReport
from clfw.config.recipe import Recipe
from clfw.io.progress import ProgressBar
from clfw.metrics.evaluation import Evaluation
from clfw.models.batches import Batch, Normalize, SplitBatches
from clfw.models.device import TorchDevice
from clfw.training.loop import StandardTrainer
from clfw.training.protocols import FitResult, NullCheckpointer, TrainInputs, no_augmentation

CLASSES = 3
PREPROCESS = Preprocess(channels=1, height=4, width=4, mean=(0.5,), std=(0.25,))
Evaluate = Callable[[nn.Module], Evaluation]


def pictures(count: int) -> SplitBatches:
    """`count` pictures of noise with classes in an uneven mix."""
    random = np.random.default_rng(count)
    images = random.integers(0, 256, (count, 4, 4, 1), dtype=np.uint8)
    targets = np.minimum(random.integers(0, CLASSES + 1, count), CLASSES - 1)
    return SplitBatches(images, targets, np.arange(count), TorchDevice("cpu"))


def network(seed: int = 0, *, batch_norm: bool = False) -> nn.Module:
    """Two linear layers, with or without batch norm between them."""
    torch.manual_seed(seed)
    between = [nn.BatchNorm1d(8)] if batch_norm else []
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 8), *between, nn.Tanh(), nn.Linear(8, CLASSES))


def figures(accuracy: float, loss: float = 1.0) -> Evaluation:
    """An evaluation with only the two figures that steer."""
    return Evaluation({"accuracy": accuracy, "loss": loss})


def script(accuracies: Sequence[float], losses: Sequence[float] = ()) -> Evaluate:
    """An evaluation that gives these figures in turn, the last one from then on."""
    scores = list(accuracies)
    lows = list(losses) or [1.0]

    def evaluate(model: nn.Module) -> Evaluation:
        return figures(
            scores.pop(0) if len(scores) > 1 else scores[0],
            lows.pop(0) if len(lows) > 1 else lows[0],
        )

    return evaluate


def fit(
    model: nn.Module,
    data: SplitBatches,
    held_out: dict[str, Evaluate] | None = None,
    augment: Callable[..., tuple[Tensor, Tensor]] = no_augmentation,
    report: Callable[[EpochReport], None] = lambda report: None,
    **recipe: Any,
) -> FitResult:
    """Train `model` on `data` by a recipe of plain SGD, unless it says otherwise."""
    plain = {"optimizer": "sgd", "optimizer_params": {"momentum": 0.0}}
    values = {"lr": 0.1, "epochs": 1, "batch_size": 8} | ({} if "optimizer" in recipe else plain)
    device = TorchDevice("cpu")
    return StandardTrainer().fit(
        TrainInputs(
            model=model,
            training=data,
            num_classes=CLASSES,
            augment=augment,
            normalize=Normalize(PREPROCESS, device.torch_device),
            recipe=Recipe(**(values | recipe)),
            device=device,
            held_out=held_out or {},
            report=report,
            progress=lambda what, total: ProgressBar(),
            checkpointer=NullCheckpointer(),
        )
    )


def losses(trained: FitResult) -> list[float]:
    """The loss of every update."""
    return [loss for report in trained.history for loss, _, _ in report.steps]


def weights(model: nn.Module) -> Tensor:
    """All parameters in one row."""
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def everything(data: SplitBatches) -> Batch:
    """All pictures in row order."""
    return next(iter(data.sequential(len(data))))
