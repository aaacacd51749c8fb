"""clfw's training loop against the best bare PyTorch loop on the same work, in one process.

    python benchmarks/loop.py --model fashion_cnn --batch-size 128

Both train the same network on the same drawn pictures, held in memory as uint8, with the same fused
optimiser and memory format; pairs are interleaved (A B A B ...). Prints images a second of each, and
the ratio pair by pair.
"""

import argparse
import platform
import statistics
import time

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from clfw.batches import Normalise, SplitBatches
from clfw.components import Architecture
from clfw.device import TorchDevice
from clfw.job import Job, NoKeeper, no_augmentation
from clfw.manager import installed_catalog
from clfw.opening import no_progress
from clfw.params import params_class
from clfw.preprocess import Preprocess
from clfw.recipe import Recipe
from clfw.task import Task
from clfw.training import StandardTrainer
from clfw.weights import build_model

PREPROCESS = Preprocess(channels=1, height=28, width=28, mean=(0.3,), std=(0.3,))


def bare_loop(
    model: torch.nn.Module, images: torch.Tensor, targets: torch.Tensor, recipe: Recipe
) -> float:
    """Seconds of one epoch: nothing but what learning needs."""
    optimizer = torch.optim.Adam(model.parameters(), lr=recipe.lr, amsgrad=True, fused=True)
    model.train()
    size = recipe.batch_size
    start = time.perf_counter()
    order = torch.randperm(len(images))
    for first in range(0, len(images), size):
        index = order[first : first + size]
        batch = images[index].float().div_(255).sub_(0.3).div_(0.3)
        cross_entropy(model(batch), targets[index]).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return time.perf_counter() - start


def clfw_loop(
    model: torch.nn.Module, pixels: np.ndarray, targets: np.ndarray, recipe: Recipe
) -> float:
    """Seconds of one epoch by the product's trainer, as it reports them."""
    device = TorchDevice("cpu")
    device.place(model)
    reports: list = []
    job = Job(
        model=model,
        training=SplitBatches(pixels, targets, np.arange(len(pixels)), device),
        num_classes=10,
        augment=no_augmentation,
        normalise=Normalise(PREPROCESS, device.torch_device),
        recipe=recipe,
        device=device,
        held_out={},
        report=reports.append,
        progress=no_progress,
        keeper=NoKeeper(),
    )
    StandardTrainer().fit(job)
    return reports[0].seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="math_cnn")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--pictures", type=int, default=8000)
    parser.add_argument("--pairs", type=int, default=5)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (options.pictures, 28, 28, 1), dtype=np.uint8)
    targets = rng.integers(0, 10, options.pictures).astype(np.int64)
    recipe = Recipe(epochs=1, batch_size=options.batch_size, amsgrad=True, keep="last")
    offer = installed_catalog().find("architecture", options.model)
    assert isinstance(offer.component, Architecture)
    task = Task(classes=tuple("abcdefghij"), channels=1, height=28, width=28)

    def network() -> torch.nn.Module:
        torch.manual_seed(0)
        return build_model(offer.component, params_class(offer.component)(), task)

    images = torch.from_numpy(pixels).permute(0, 3, 1, 2)
    ratios, ours, bare = [], [], []
    for pair in range(options.pairs + 1):
        plain = TorchDevice("cpu").place(network())
        b = options.pictures / bare_loop(plain, images, torch.from_numpy(targets), recipe)
        a = options.pictures / clfw_loop(network(), pixels, targets, recipe)
        if pair:  # the first pair warms up
            ours.append(a)
            bare.append(b)
            ratios.append(a / b)
    print(f"{options.model}, batch {options.batch_size}, torch {torch.__version__}, "
          f"{torch.get_num_threads()} threads, {platform.processor() or platform.machine()}")  # fmt: skip
    print(f"clfw {statistics.median(ours):,.0f} images/s, bare loop {statistics.median(bare):,.0f}")
    print(f"ratio median {statistics.median(ratios):.3f} (from {min(ratios):.3f} to {max(ratios):.3f}, "
          f"{len(ratios)} pairs)")  # fmt: skip


if __name__ == "__main__":
    main()
