"""`clfw eval` and `clfw predict` against a bare inference loop, in one process.

    python benchmarks/inference.py

Both sides begin with the head of a weights file and decoded pictures, restore the network, and end with
what is asked for: figures, or a class and a probability for each picture. The bare loop takes
the best of several batch sizes and memory formats.
"""

import argparse
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bare import FORMATS
from clfw.artifacts.weights_header import Header, find_weights, read_header
from clfw.config.data_choice import Request
from clfw.inference.inputs import OpenedPictures
from clfw.models.weights_io import restore_model
from clfw.plugins.manager import Catalog, installed_catalog
from clfw.runs.predicting import evaluate_split, predict_split
from clfw.training.setup import Engine
from environment import own_cache
from pictures import Decoded, decoded
from running import whole_run
from timing import Comparison, interleaved, parser, report, timed

MODELS = (("math_cnn", "mnist"), ("fashion_cnn", "fashion_csv"))
SIZES = (128, 256, 512, 1024)


class BareInference:
    """Restores a network and computes logits, and nothing more."""

    def __init__(self, header: Header, catalog: Catalog, data: Decoded) -> None:
        self._header, self._catalog = header, catalog
        self._images = torch.from_numpy(data.pixels).permute(0, 3, 1, 2).contiguous()
        self.targets = torch.from_numpy(data.targets)
        mean, std = data.preprocess.mean[0], data.preprocess.std[0]
        self._scale, self._shift = 1 / (255 * std), -mean / std
        self.size, self.memory_format = SIZES[0], "contiguous"

    def logits(self) -> Tensor:
        """(N, K), from the weights file on."""
        memory_format = FORMATS[self.memory_format]
        model = restore_model(self._header, self._catalog).eval().to(memory_format=memory_format)
        parts = []
        with torch.inference_mode():
            for images in self._images.split(self.size):
                batch = images.to(torch.float32, memory_format=memory_format)
                parts.append(model(batch.mul_(self._scale).add_(self._shift)))
        return torch.cat(parts)

    def evaluate(self) -> None:
        """The share of right answers."""
        float((self.logits().argmax(1) == self.targets).double().mean())

    def predict(self) -> None:
        """A class and its probability for each picture."""
        best = self.logits().softmax(1).max(1)
        list(zip(best.indices.tolist(), best.values.tolist(), strict=True))

    def tune(self) -> None:
        """Take the fastest batch size and memory format."""
        seconds = {}
        for name in FORMATS:
            for size in SIZES:
                self.memory_format, self.size = name, size
                seconds[name, size] = min(timed(self.evaluate) for _ in range(2))
        self.memory_format, self.size = min(seconds, key=lambda key: seconds[key])


def opened(data: Decoded, header: Header) -> OpenedPictures:
    """`data` as the commands have it once it is decoded."""
    count = len(data.targets)
    return OpenedPictures(
        images=data.pixels,
        positions=np.arange(count),
        keys=[str(number) for number in range(count)],
        targets=data.targets,
        errors={},
        labels=header.classes,
        source=data.source,
    )


def compare(model: str, entry: str, options: argparse.Namespace, folder: Path) -> list[Comparison]:
    """Evaluation and prediction of one network, trained for one update into `folder`."""
    one_update = {"steps": 1}
    whole_run(
        Request(model=model, data=entry, options=one_update, data_folder=options.data_dir), folder
    )
    data = decoded(entry, options.data_dir).first(options.pictures)
    header, catalog, engine = read_header(find_weights(folder)), installed_catalog(), Engine()
    pictures, count = opened(data, header), len(data.targets)
    bare = BareInference(header, catalog, data)
    bare.tune()
    commands: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        "eval": (lambda: evaluate_split(header, pictures, catalog, engine, "cpu"), bare.evaluate),
        "predict": (lambda: predict_split(header, pictures, catalog, engine, "cpu"), bare.predict),
    }
    note = f"the bare loop is fastest {bare.memory_format} with batches of {bare.size}"
    comparisons = []
    for name, work in commands.items():
        ours, theirs = interleaved(*(partial(timed, side) for side in work), pairs=options.pairs)
        comparisons.append(
            Comparison(
                work=f"clfw {name}, {model}",
                against="bare inference loop",
                unit="images/s",
                form="ours / theirs",
                goal="at least",
                target=0.95,
                ours=[count / seconds for seconds in ours],
                theirs=[count / seconds for seconds in theirs],
                notes=(f"{data.told(entry)}; {note}",),
                source=data.source,
            )
        )
    return comparisons


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and report."""
    options = parser(__doc__ or "", pairs=9)
    options.add_argument("--pictures", type=int, default=10_000, help="to look at")
    chosen = options.parse_args(arguments)
    if chosen.quick:
        chosen.pairs, chosen.pictures = 1, 128
    comparisons = []
    with own_cache(), tempfile.TemporaryDirectory(prefix="clfw-inference-") as folder:
        for model, entry in MODELS:
            comparisons += compare(model, entry, chosen, Path(folder) / model)
    report("inference", comparisons, chosen)


if __name__ == "__main__":
    main()
