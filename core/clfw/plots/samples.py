"""Pictures of a dataset's training split, with and without augmentation."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clfw.api.components import Augmentation
from clfw.api.preprocess import Preprocess
from clfw.api.source import SPLITS
from clfw.api.task import Task
from clfw.config.resolution import ResolvedComponent
from clfw.data.opening import DecodedImages, OpenedDataset
from clfw.data.parallel_decode import decode_rows
from clfw.data.pixels import by_row, refuse_bad
from clfw.data.rows import Rows, require_split
from clfw.models.augment import build_augmentations, compose
from clfw.plots.grids import draw_grid
from clfw.text import escape

COUNT = 40  # pictures
COLUMNS = 10
VIEWS = 2  # augmented versions of each
SOURCES = {"full": "full set", "sample": "bundled sample"}


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleImages:
    """Some pictures as a network would get them, before augmentation.

    Attributes:
        images: (N, H, W, C) uint8.
        targets: (N,) int64 class indices, UNLABELED for none.
        positions: (N,) int64, a run's numbers of these pictures, which seed its random draws.
        choice: which pictures of the split they are, in words.
    """

    images: NDArray[np.uint8]
    targets: NDArray[np.int64]
    positions: NDArray[np.int64]
    choice: str


def first_pictures(
    opened: OpenedDataset, preprocess: Preprocess, count: int = COUNT
) -> SampleImages:
    """The first `count` pictures of the training split; nothing else is decoded."""
    rows = opened.rows
    require_split(rows, "train")
    numbers, choice = first_rows(rows, count)
    parts: list[NDArray[np.uint8]] = []
    faults = decode_rows(opened.source, numbers, preprocess, parts.append)
    refuse_bad(by_row(faults, numbers), rows.table)
    # A run numbers the pictures of all splits that it decodes, those with labels.
    used = [rows.of(split) for split in SPLITS if split == "train" or rows.labeled(split)]
    positions = np.searchsorted(np.sort(np.concatenate(used)), numbers)
    targets = rows.targets[numbers]
    return SampleImages(
        images=np.concatenate(parts), targets=targets, positions=positions, choice=choice
    )


def first_decoded(pictures: DecodedImages, count: int = COUNT) -> SampleImages:
    """The same, from decoded pictures."""
    numbers, choice = first_rows(pictures.rows, count)
    positions = np.searchsorted(pictures.numbers, numbers)
    return SampleImages(
        images=pictures.pixels.read(positions.tolist()),
        targets=pictures.targets[positions],
        positions=positions,
        choice=choice,
    )


def first_rows(rows: Rows, count: int) -> tuple[NDArray[np.int64], str]:
    """The first `count` rows of the training split, and a description of the choice.

    If those are all of one class, as with a folder per class, the first of each class in turn.
    """
    numbers = rows.of("train")
    choice = f"the first {min(count, len(numbers))} pictures of the training split"
    if len(set(rows.targets[numbers[:count]].tolist())) == 1 < len(rows.classes):
        numbers = in_turn(numbers, rows.targets[numbers])
        choice += ", the classes in turn"
    return numbers[:count], choice


def in_turn(numbers: NDArray[np.int64], targets: NDArray[np.int64]) -> NDArray[np.int64]:
    """`numbers` with the first of each class, then the second of each, and so on."""
    seen: Counter[int] = Counter()
    turns = []
    for target in targets.tolist():
        turns.append(seen[target])
        seen[target] += 1
    return numbers[np.lexsort((targets, np.array(turns)))]


def augmented(
    shown: SampleImages,
    choices: Sequence[ResolvedComponent[Augmentation]],
    task: Task,
    *,
    seed: int,
    epoch: int,
) -> tuple[NDArray[np.uint8], Tensor]:
    """The pictures (N, H, W, C) and targets that a run with `seed` draws in `epoch`, from 0.

    All are one batch here, which determines the partners where pictures are mixed.
    """
    images = torch.from_numpy(shown.images).permute(0, 3, 1, 2).float().div(255)
    rows, targets = torch.from_numpy(shown.positions), torch.from_numpy(shown.targets)
    augment = compose(build_augmentations(choices, task), seed)
    images, targets = augment(images.contiguous(), targets, rows, epoch)
    pixels = images.mul(255).round().to(torch.uint8).permute(0, 2, 3, 1)
    return pixels.contiguous().numpy(), targets


def draw_samples(
    shown: SampleImages,
    choices: Sequence[ResolvedComponent[Augmentation]],
    task: Task,
    *,
    seed: int,
    what: str,
) -> Any:
    """A grid of the pictures with their classes; under each row its augmented versions."""
    names = [escape(name, 40) for name in task.classes]
    captions = [names[k] if k >= 0 else "no label" for k in shown.targets.tolist()]
    title = f"{what}: {shown.choice}"
    if not choices:
        return draw_grid(shown.images, captions, title, COLUMNS)
    used = ", ".join(choice.entry for choice in choices)
    title += f"\nbelow each: {used}, as drawn with seed {seed} in the first {VIEWS} epochs"
    layers = [(shown.images, captions)]
    for epoch in range(VIEWS):
        images, targets = augmented(shown, choices, task, seed=seed, epoch=epoch)
        layers.append((images, view_captions(targets, names, epoch)))
    if targets.is_floating_point():
        title += "; partners depend on the batch, and here all pictures are one batch"
    return draw_grid(*interleave(layers, COLUMNS), title, COLUMNS)


def view_captions(targets: Tensor, names: Sequence[str], epoch: int) -> list[str]:
    """Captions: the epoch, or the two largest shares where labels are mixed."""
    if not targets.is_floating_point():
        return [f"epoch {epoch + 1}"] * len(targets)
    best = targets.topk(min(2, len(names)), dim=1)
    return [
        "\n".join(f"{s:.0%} {names[k]}" for s, k in zip(shares, ks, strict=True) if s >= 0.005)
        for shares, ks in zip(best.values.tolist(), best.indices.tolist(), strict=True)
    ]


def interleave(
    layers: Sequence[tuple[NDArray[np.uint8], Sequence[str]]], columns: int
) -> tuple[NDArray[np.uint8], list[str]]:
    """Rows of a grid: `columns` pictures of the first layer, the same of the next, and so on.

    White pictures pad the last row of each layer.
    """
    padding = -len(layers[0][0]) % columns if len(layers[0][0]) > columns else 0
    filled = [
        (np.pad(images, ((0, padding), (0, 0), (0, 0), (0, 0)), constant_values=255), captions)
        for images, captions in layers
    ]
    starts = range(0, len(filled[0][0]), columns)
    images = [part[start : start + columns] for start in starts for part, _ in filled]
    texts = [[*captions, *[""] * padding] for _, captions in filled]
    ordered = [text for start in starts for part in texts for text in part[start : start + columns]]
    return np.concatenate(images), ordered
