"""Training and prediction see the same pixels of a file, whatever its format, mode and suffix."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from clfw.data.opening import decode_splits, natural_preprocess, no_progress, open_data
from clfw.host.manager import installed_catalog
from clfw.host.registry import read_registry
from clfw.learning.batches import Normalise, SplitBatches
from clfw.learning.device import TorchDevice
from clfw.learning.inference import open_images
from clfw.plan import Request, resolve_plan
from clfw.preprocess import Preprocess
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
    natural = natural_preprocess(data, plan.data.values.params)
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
    (batch,) = batches.in_order(count)
    return Normalise(preprocess, device.torch_device)(batch.images)
