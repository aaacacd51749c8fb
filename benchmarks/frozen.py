"""A frozen ResNet-18 under a new head, ten epochs on `hymenoptera`, against the tutorial's loop.

    python benchmarks/frozen.py

Weights are random (nothing is fetched), which changes no speed. clfw's side is a whole run in a new
cache: reading, decoding, features, ten epochs of the head, evaluation, run folder and pictures; then
the same again on its caches. The tutorial's side sends every picture of train and val through the
whole network in every epoch, with the deterministic half of its transforms; one of its epochs is
timed and counts ten times. So does the bare loop, but with the backbone in inference mode. Their
loaders have the number of workers that one epoch was fastest with. No import is counted on any side.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader
from torchvision import datasets, models, transforms

from clfw.api.source import SPLITS
from clfw.config.data_choice import Request
from environment import own_cache
from pictures import opened_data
from running import whole_run
from timing import Comparison, interleaved, parser, report, timed

EPOCHS = 10
BATCH_SIZE = 32
WORKERS = (0, 2, 4)  # of a loader: which is fastest is tried
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
        return timed(lambda: whole_run(request, Path(folder) / "run"))


def write_folders(folder: Path, options: argparse.Namespace) -> tuple[int, str]:
    """The set as a folder a split and a folder a class; its number of pictures and its source."""
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
    return count, opened.choice.source


def loaders(folder: Path, side: int, workers: int) -> dict[str, DataLoader[Any]]:
    """One a split, as the tutorial makes them."""
    transform = transforms.Compose(
        [
            transforms.Resize(side),
            transforms.CenterCrop(side),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )
    return {
        split: DataLoader(
            datasets.ImageFolder(str(folder / split), transform),
            batch_size=BATCH_SIZE,
            shuffle=split == "train",
            num_workers=workers,
        )
        for split in ("train", "validation")
        if (folder / split).exists()
    }


class TutorialLoop:
    """The transfer-learning tutorial's training of a new last layer."""

    def __init__(self, loaders: dict[str, DataLoader[Any]]) -> None:
        self._loaders = loaders
        self._backbone = models.resnet18(weights=None)
        for parameter in self._backbone.parameters():
            parameter.requires_grad = False
        self._head = nn.Linear(self._backbone.fc.in_features, 2)
        self._backbone.fc = nn.Identity()
        self._optimizer = torch.optim.SGD(self._head.parameters(), lr=0.001, momentum=0.9)

    def features(self, images: Tensor, training: bool) -> Tensor:
        """(B, 512), batch norm by the batch while training, as the tutorial has it."""
        self._backbone.train(training)
        features: Tensor = self._backbone(images)
        return features

    def epoch(self) -> None:
        """A training and a validation phase."""
        for split, loader in self._loaders.items():
            training = split == "train"
            running_loss, right = 0.0, 0
            for images, targets in loader:
                self._optimizer.zero_grad()
                with torch.set_grad_enabled(training):
                    logits = self._head(self.features(images, training))
                    loss = cross_entropy(logits, targets)
                    if training:
                        loss.backward()
                        self._optimizer.step()
                running_loss += loss.item() * len(images)
                right += int((logits.argmax(1) == targets).sum())


class InferenceLoop(TutorialLoop):
    """The same with the backbone in inference mode, its batch norm by what it learned before."""

    def features(self, images: Tensor, training: bool) -> Tensor:
        with torch.inference_mode():
            features = super().features(images, training=False)
        return features.clone()  # which the head may learn from


def fastest_loaders(folder: Path, side: int) -> tuple[dict[str, DataLoader[Any]], int]:
    """Loaders with the number of workers that an epoch is fastest with, and that number."""
    made = {workers: loaders(folder, side, workers) for workers in WORKERS}
    seconds = {workers: timed(TutorialLoop(its).epoch) for workers, its in made.items()}
    best = min(seconds, key=lambda workers: seconds[workers])
    return made[best], best


def compare(options: argparse.Namespace, folder: Path) -> list[Comparison]:
    """Both loops and both runs, in turn."""
    count, source = write_folders(folder, options)
    its_loaders, workers = fastest_loaders(folder, options.side)
    tutorial, bare = TutorialLoop(its_loaders), InferenceLoop(its_loaders)

    def first_run() -> float:
        with own_cache():
            return clfw_run(options)

    clfw_run(options)  # fills the caches of those that follow
    first, second, tutorial_seconds, bare_seconds = interleaved(
        first_run,
        lambda: clfw_run(options),
        lambda: EPOCHS * timed(tutorial.epoch),
        lambda: EPOCHS * timed(bare.epoch),
        pairs=options.pairs,
    )
    rows: tuple[tuple[str, list[float], str, list[float], float], ...] = (
        ("first run", first, "tutorial's loop", tutorial_seconds, 12.0),
        ("on its caches", second, "tutorial's loop", tutorial_seconds, 100.0),
        ("first run", first, "bare loop in inference mode", bare_seconds, 0.0),
    )
    return [
        Comparison(
            work=f"frozen ResNet-18, {EPOCHS} epochs, {options.side} pixels: {kind}",
            against=against,
            unit="s",
            form="theirs / ours",
            goal="at least" if target else "",
            target=target,
            ours=ours,
            theirs=theirs,
            notes=(
                f"{count:,} pictures of {ENTRY}; batches of {BATCH_SIZE}; the loops' loaders are "
                f"fastest with {workers} workers, of {', '.join(map(str, WORKERS))}",
            ),
            source=source,
        )
        for kind, ours, against, theirs, target in rows
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and report."""
    options = parser(__doc__ or "")
    options.add_argument("--side", type=int, default=224, help="of the input, pixels")
    options.add_argument("--pictures", type=int, default=1000, help="of the loops', at most")
    chosen = options.parse_args(arguments)
    if chosen.quick:
        chosen.pairs, chosen.side, chosen.pictures = 1, 32, 16
    with own_cache(), tempfile.TemporaryDirectory(prefix="clfw-frozen-") as folder:
        comparisons = compare(chosen, Path(folder))
    report("frozen", comparisons, chosen)


if __name__ == "__main__":
    main()
