"""A frozen ResNet-18 under a new head, ten epochs on `hymenoptera`, against the tutorial's loop.

    python benchmarks/frozen.py

Weights are random (nothing is fetched), which changes no speed. clfw's side is a whole run in a new
cache: reading, decoding, features, ten epochs of the head, evaluation, run folder and pictures; then
the same again on its caches. The tutorial's side sends every picture of train and val through the
whole network in every epoch, with the deterministic half of its transforms; one of its epochs is
timed and counts ten times. No import is counted on either side.
"""

import argparse
import contextlib
import io
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader
from torchvision import datasets, models, transforms

from clfw.cli.options import Installed
from clfw.cli.run import start_run
from clfw.plan import Request
from clfw.source import SPLITS
from pictures import installed, opened_data, own_cache
from timing import Comparison, parser, report

EPOCHS = 10
BATCH_SIZE = 32
ENTRY = "hymenoptera"
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def clfw_run(options: argparse.Namespace) -> float:
    """Seconds of a whole run, from names to its written results."""
    request = Request(
        model="resnet18_frozen",
        data=ENTRY,
        settings=(
            "model.backbone_weights=random",
            f"model.input_size={options.side}",
            f"data.image_size={options.side}",
        ),
        options={"epochs": EPOCHS, "batch_size": BATCH_SIZE},
        data_folder=options.data_dir,
    )
    with tempfile.TemporaryDirectory(prefix="clfw-frozen-") as folder:
        began = time.perf_counter()
        with contextlib.redirect_stderr(io.StringIO()):
            start_run(request, Installed(*installed()), None, Path(folder) / "run")
        return time.perf_counter() - began


def write_folders(folder: Path, options: argparse.Namespace) -> int:
    """The set as a folder a split and a folder a class; its number of pictures."""
    opened = opened_data(ENTRY, options.data_dir)
    rows, count = opened.rows, 0
    for number, split in enumerate(rows.split.tolist()):
        if SPLITS[split] == "test" or count >= options.pictures:
            continue
        target = folder / SPLITS[split] / rows.classes[rows.targets[number]]
        target.mkdir(parents=True, exist_ok=True)
        data = opened.source.read(number)
        if isinstance(data, np.ndarray):
            Image.fromarray(data).save(target / f"{number}.png")
        else:
            (target / f"{number}.jpg").write_bytes(data)
        count += 1
    return count


class TutorialLoop:
    """The transfer-learning tutorial's training of a new last layer."""

    def __init__(self, folder: Path, side: int) -> None:
        transform = transforms.Compose(
            [
                transforms.Resize(side),
                transforms.CenterCrop(side),
                transforms.ToTensor(),
                transforms.Normalize(MEAN, STD),
            ]
        )
        self._loaders = {
            split: DataLoader(
                datasets.ImageFolder(str(folder / split), transform),
                batch_size=BATCH_SIZE,
                shuffle=split == "train",
            )
            for split in ("train", "validation")
            if (folder / split).exists()
        }
        self._model = models.resnet18(weights=None)
        for parameter in self._model.parameters():
            parameter.requires_grad = False
        self._model.fc = nn.Linear(self._model.fc.in_features, 2)
        self._optimizer = torch.optim.SGD(self._model.fc.parameters(), lr=0.001, momentum=0.9)

    def epoch(self) -> float:
        """Seconds of a training and a validation phase."""
        began = time.perf_counter()
        for split, loader in self._loaders.items():
            training = split == "train"
            self._model.train(training)
            running_loss, right = 0.0, 0
            for images, targets in loader:
                self._optimizer.zero_grad()
                with torch.set_grad_enabled(training):
                    logits = self._model(images)
                    loss = cross_entropy(logits, targets)
                    if training:
                        loss.backward()
                        self._optimizer.step()
                running_loss += loss.item() * len(images)
                right += int((logits.argmax(1) == targets).sum())
        return time.perf_counter() - began


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and report."""
    options = parser(__doc__ or "")
    options.add_argument("--side", type=int, default=224, help="of the input, pixels")
    options.add_argument("--pictures", type=int, default=1000, help="of the tutorial's, at most")
    chosen = options.parse_args(arguments)
    if chosen.quick:
        chosen.pairs, chosen.side, chosen.pictures = 1, 32, 16
    first, second, tutorial = [], [], []
    with tempfile.TemporaryDirectory(prefix="clfw-frozen-") as folder:
        with own_cache():
            count = write_folders(Path(folder), chosen)
        loop = TutorialLoop(Path(folder), chosen.side)
        for _ in range(chosen.pairs + 1):  # the first warms up
            with own_cache():
                first.append(clfw_run(chosen))
                second.append(clfw_run(chosen))
            tutorial.append(EPOCHS * loop.epoch())
    comparisons = [
        Comparison(
            work=f"frozen ResNet-18, {EPOCHS} epochs, {chosen.side} pixels: {kind}",
            against="tutorial's loop",
            unit="s",
            form="theirs / ours",
            goal="at least",
            target=target,
            ours=ours[1:],
            theirs=tutorial[1:],
            notes=(f"{count:,} pictures of {ENTRY}; batches of {BATCH_SIZE}",),
        )
        for kind, ours, target in (("first run", first, 12.0), ("on its caches", second, 100.0))
    ]
    report("frozen", comparisons, chosen)


if __name__ == "__main__":
    main()
