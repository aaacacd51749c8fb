"""Features of frozen backbones: computed once a picture, kept on disk, learned from by the head.

A model whose `backbone` has no trainable parameter and whose forward pass is `head(backbone(x))`
gives the same logits from stored features as from pictures, so training sees the head alone.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from clfw.errors import DataError, UsageError
from clfw.io.json_text import canonical_json
from clfw.io.progress import Progress
from clfw.io.storage import cache_folder, touch, write_atomically
from clfw.models.batches import (
    Batch,
    Batches,
    Sampling,
    balanced,
    batch_bounds,
    concat_into,
    shuffled,
)
from clfw.models.bn_folding import fold_batch_norm
from clfw.models.device import Device
from clfw.models.safetensors_io import decode, encode
from clfw.training.protocols import AugmentBatch

INFERENCE = "batch norm folded"  # change it with whatever else moves the last bits of features
EXAMPLES = 4  # pictures on which the folded backbone must agree with the plain one


class FeatureBatches:
    """One split as features: the same interface as `SplitBatches`, with (B, F) for the pictures."""

    def __init__(self, views: Sequence[Tensor], targets: Tensor) -> None:
        """`views` are (N, F) float32; epoch e trains on view e modulo their number."""
        self._views = views
        self._targets = targets
        self._rows = torch.arange(len(targets), device=targets.device)

    @property
    def targets(self) -> Tensor:
        """(N,) int64, in row order."""
        return self._targets

    def __len__(self) -> int:
        return len(self.targets)

    def shuffled(
        self, size: int, *, seed: int, epoch: int, start: int = 0, sampling: Sampling = "shuffled"
    ) -> Iterator[Batch]:
        """The batches of an epoch from number `start` on, in the order that pictures would have."""
        if sampling == "shuffled":
            order = shuffled(len(self), seed, epoch)
        else:
            order, _ = balanced(self.targets.cpu(), seed, epoch)
        order = order.to(self.targets.device)
        view = self._views[epoch % len(self._views)]
        for first, last in batch_bounds(len(self), size)[start:]:
            index = order[first:last]
            yield Batch(view[index], self.targets[index], self._rows[index])

    def sequential(self, size: int) -> Iterator[Batch]:
        """All features in row order."""
        for first in range(0, len(self), size):
            part = slice(first, first + size)
            yield Batch(self._views[0][part], self.targets[part], self._rows[part])


def frozen_parts(model: nn.Module) -> tuple[nn.Module, nn.Module] | None:
    """Backbone and head of a model that keeps the contract, or None."""
    backbone, head = getattr(model, "backbone", None), getattr(model, "head", None)
    if not isinstance(backbone, nn.Module) or not isinstance(head, nn.Module):
        return None
    if any(p.requires_grad for p in backbone.parameters()):
        return None
    return backbone, head


def identity(images: Tensor) -> Tensor:
    """Features need no normalisation."""
    return images


@dataclass(kw_only=True, slots=True)
class Extractor:
    """Computes and stores features.

    Attributes:
        name: the data's, for those who look into the cache.
        facts: whatever else decides the numbers (pixels, preprocess, device), for the key.
    """

    backbone: nn.Module
    normalize: Callable[[Tensor], Tensor]
    device: Device
    size: int
    facts: dict[str, Any]
    progress: Progress
    name: str = ""
    _folded: nn.Module | None = field(default=None, init=False)  # made with the first pictures

    def plain(self, batches: Batches, split: str) -> FeatureBatches:
        """The features of a split as it is."""
        features = self._stored(batches, split, None, 0)
        return FeatureBatches([features], batches.targets)

    def augmented(
        self, batches: Batches, split: str, augment: AugmentBatch, views: int
    ) -> FeatureBatches:
        """`views` augmented versions of a split; version v is drawn as epoch v would be."""
        stored = [self._stored(batches, split, augment, view) for view in range(views)]
        return FeatureBatches(stored, batches.targets)

    def _stored(
        self, batches: Batches, split: str, augment: AugmentBatch | None, view: int
    ) -> Tensor:
        path = self._path(split, augment, view)
        features = stored_features(path, len(batches))
        if features is None:
            features = self._computed(batches, f"{split} features", augment, view).cpu()
            write_atomically(path, encode({"features": features}, {"data": self.name}))
        else:
            touch(path)
        return features.to(self.device.torch_device)

    def lacks(self, split: str, augment: AugmentBatch | None = None, view: int = 0) -> bool:
        """Whether no features of a split, as it is or as it is augmented for a view, are stored."""
        return not self._path(split, augment, view).exists()

    def _path(self, split: str, augment: AugmentBatch | None, view: int) -> Path:
        """The cache file of the features, named by all that decides them."""
        facts = {
            **self.facts,
            "inference": INFERENCE,
            "split": split,
            "view": view,
            "augmented": augment is not None,
        }
        if augment is None:
            facts.pop("augment")
        key = hashlib.sha256(canonical_json(facts).encode()).hexdigest()[:32]
        return cache_folder("features") / f"{key}.safetensors"

    def _computed(
        self, batches: Batches, what: str, augment: AugmentBatch | None, view: int
    ) -> Tensor:
        """(N, F) float32, in row order, with the backbone in evaluation mode."""
        with torch.inference_mode(), self.device.autocast():
            return concat_into(self._parts(batches, what, augment, view), len(batches))

    def _parts(
        self, batches: Batches, what: str, augment: AugmentBatch | None, view: int
    ) -> Iterator[Tensor]:
        bar = self.progress(what, len(batches))
        for batch in batches.sequential(self.size):
            images = batch.images
            if augment is not None:
                images, targets = augment(images, batch.targets, batch.rows, view)
                if targets.is_floating_point():  # the features are stored, the shares are not
                    raise UsageError(
                        "an augmentation mixes labels, and the stored features of a frozen "
                        "backbone keep each picture's own",
                        hint="leave it out of --augment",
                    )
            inputs = self.normalize(images)
            if self._folded is None:
                self._folded = fold_batch_norm(self.backbone.eval(), inputs[:EXAMPLES].clone())
            yield self._folded(inputs)
            bar.advance(len(batch))
        bar.close()


def stored_features(path: Path, count: int) -> Tensor | None:
    """The features in a cache file; None for no file or a damaged one, which is then made again."""
    try:
        features = decode(path.read_bytes(), str(path))["features"]
    except (OSError, DataError, KeyError):
        return None
    return features if features.shape[:1] == (count,) else None


def backbone_digest(backbone: nn.Module) -> str:
    """Hash of a backbone's tensors."""
    digest = hashlib.sha256()
    for name, tensor in backbone.state_dict().items():
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
