"""Training and prediction see the same pixels of a file, whatever its format, mode and suffix."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from clfw.api.preprocess import Preprocess
from clfw.catalog.registry import read_registry
from clfw.config.data_choice import Request
from clfw.config.plan import resolve_plan
from clfw.data.negotiation import natural_preprocess
from clfw.data.opening import decode_splits, open_data
from clfw.inference.inputs import open_images
from clfw.io.progress import no_progress
from clfw.models.batches import Normalize, SplitBatches
from clfw.models.device import TorchDevice
from clfw.plugins.manager import installed_catalog
from picture_kinds import all_kinds

SUFFIXES = (".png", ".jpg", ".bmp", ".webp")  # in turn, so that most are wrong


@pytest.mark.parametrize(("channels", "fit"), [(1, "crop"), (3, "pad"), (3, "squash")])
def test_training_and_prediction_decode_to_equal_tensors(channels: int, fit: str) -> None:
    for number, kind in enumerate(all_kinds().values()):
        path = Path("set", "ab"[number % 2], f"{number:02d}{SUFFIXES[number % 4]}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(kind.data)
    settings = ["data.path=set", "data.image_size=14", f"data.channels={channels}"]
    request = Request(
        model="fashion_mlp", data="image_folder", settings=[*settings, f"data.fit={fit}"]
    )
    plan = resolve_plan(request, installed_catalog(), read_registry())
    data = open_data(plan.data)
    natural = natural_preprocess(data, plan.data.common)
    trained = decode_splits(data, natural, ("train", "validation"), no_progress)

    paths = [Path("set", trained.rows.table.keys[row]) for row in trained.numbers]
    header = SimpleNamespace(preprocess=trained.preprocess, classes=("a", "b"))
    predicted = open_images(header, paths, no_progress)  # type: ignore[arg-type]

    assert len(paths) == len(all_kinds())
    assert predicted.errors == {}
    assert predicted.images.dtype == trained.images.dtype
    assert np.array_equal(predicted.images, trained.images)
    assert len({image.tobytes() for image in predicted.images}) > 30
    first, second = (tensor_of(p.images, trained.preprocess) for p in (trained, predicted))
    assert first.dtype == torch.float32
    assert torch.equal(first, second)


def tensor_of(images: NDArray[np.uint8], preprocess: Preprocess) -> Tensor:
    """(N, C, H, W) float32: what a network sees."""
    device = TorchDevice("cpu")
    count = len(images)
    batches = SplitBatches(images, np.zeros(count, np.int64), np.arange(count), device)
    (batch,) = batches.sequential(count)
    return Normalize(preprocess, device.torch_device)(batch.images)
