"""Epochs of training: by clfw's own trainer, by a bare PyTorch loop with the same tricks, and by a plain
one without.
"""

import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from clfw.api.components import Architecture
from clfw.api.params import params_class
from clfw.api.reports import EpochReport
from clfw.api.task import Task
from clfw.config.recipe import Recipe
from clfw.io.progress import no_progress
from clfw.models.batches import Normalize, SplitBatches
from clfw.models.device import TorchDevice
from clfw.models.weights_io import build_model
from clfw.plugins.manager import installed_catalog
from clfw.training.loop import StandardTrainer
from clfw.training.protocols import NullCheckpointer, TrainInputs, no_augmentation
from pictures import Decoded

FORMATS = {"contiguous": torch.contiguous_format, "channels-last": torch.channels_last}


def network(name: str, task: Task, **values: object) -> nn.Module:
    """An installed architecture, with the same first weights every time."""
    component = installed_catalog().find("architecture", name).component
    assert isinstance(component, Architecture)
    torch.manual_seed(0)
    return build_model(component, params_class(component)(**values), task)


def adam_recipe(batch_size: int, epochs: int = 1) -> Recipe:
    """Adam with AMSGrad, as the document of `math_cnn` trains it."""
    return Recipe(
        epochs=epochs,
        batch_size=batch_size,
        lr=1e-3,
        optimizer_params={"amsgrad": True},
        keep="last",
    )


def clfw_epochs(
    model: nn.Module, data: Decoded, recipe: Recipe, device: str = "cpu"
) -> list[EpochReport]:
    """Train by clfw's own trainer; what it reports of each epoch."""
    torch_device = TorchDevice(device)
    model = torch_device.place(model)
    reports: list[EpochReport] = []
    everything = np.arange(len(data.targets))
    job = TrainInputs(
        model=model,
        training=SplitBatches(data.pixels, data.targets, everything, torch_device),
        num_classes=data.task.num_classes,
        augment=no_augmentation,
        normalize=Normalize(data.preprocess, torch_device.torch_device),
        recipe=recipe,
        device=torch_device,
        held_out={},
        report=reports.append,
        progress=no_progress,
        checkpointer=NullCheckpointer(),
    )
    StandardTrainer().fit(job)
    return reports


class BareLoop:
    """A loop that does nothing but what learning needs, on pictures held in memory as uint8."""

    def __init__(self, data: Decoded, recipe: Recipe, device: str = "cpu") -> None:
        self._device = torch.device(device)
        self._images = torch.from_numpy(data.pixels).to(self._device)  # (N, H, W, C)
        self._targets = torch.from_numpy(data.targets).to(self._device)
        mean, std = (torch.tensor(v) for v in (data.preprocess.mean, data.preprocess.std))
        self._scale = (1 / (255 * std)).reshape(1, -1, 1, 1).to(self._device)
        self._shift = (-mean / std).reshape(1, -1, 1, 1).to(self._device)
        self._recipe = recipe

    def placed(self, model: nn.Module, memory_format: torch.memory_format) -> nn.Module:
        """`model` on the device in `memory_format`."""
        return model.to(self._device).to(memory_format=memory_format)

    def epoch(self, model: nn.Module, memory_format: torch.memory_format) -> float:
        """Seconds of one epoch of `model`, with a new optimiser; waits for the device at the end."""
        recipe, size = self._recipe, self._recipe.batch_size
        assert isinstance(size, int)
        optimizer = torch.optim.Adam(
            model.parameters(), lr=recipe.lr, amsgrad=recipe.optimizer_params.amsgrad, fused=True
        )
        model.train()
        self.wait()
        start = time.perf_counter()
        order = torch.randperm(len(self._targets), device=self._device)
        for first in range(0, len(order), size):
            index = order[first : first + size]
            images = self._images.index_select(0, index).permute(0, 3, 1, 2)
            images = images.to(torch.float32, memory_format=memory_format)
            logits = model(images.mul_(self._scale).add_(self._shift))
            cross_entropy(logits, self._targets.index_select(0, index)).backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.wait()
        return time.perf_counter() - start

    def wait(self) -> None:
        """Until everything asked of the device is done."""
        if self._device.type == "cuda":
            torch.cuda.synchronize()

    def best_format(self, make: Callable[[], nn.Module]) -> str:
        """The memory format with the faster second epoch."""
        seconds = {}
        for name, memory_format in FORMATS.items():
            model = self.placed(make(), memory_format)
            self.epoch(model, memory_format)
            seconds[name] = self.epoch(model, memory_format)
        return min(seconds, key=lambda name: seconds[name])


def normalized(data: Decoded) -> Tensor:
    """(N, C, H, W) float32: the whole set as the network takes it."""
    mean, std = (np.asarray(v, np.float32) for v in (data.preprocess.mean, data.preprocess.std))
    images = (data.pixels / np.float32(255) - mean) / std
    return torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()


def plain_epoch(
    model: nn.Module,
    images: Tensor,
    targets: Tensor,
    optimizer: torch.optim.Optimizer,
    batch_size: int,
) -> None:
    """One epoch as anybody would first write it for a set in memory."""
    for index in torch.randperm(len(targets)).split(batch_size):
        optimizer.zero_grad()
        cross_entropy(model(images[index]), targets[index]).backward()
        optimizer.step()


def accuracy(logits_of: Callable[[Tensor], Tensor], data: Decoded) -> float:
    """The share of `data` whose class has the largest logit."""
    targets, right = torch.from_numpy(data.targets), 0
    with torch.inference_mode():
        for images, wanted in zip(normalized(data).split(500), targets.split(500), strict=True):
            right += int((logits_of(images).argmax(1) == wanted).sum())
    return right / len(targets)
