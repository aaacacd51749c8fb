"""`clfw eval` and `clfw predict` against a bare inference loop, in one process.

    python benchmarks/inference.py

Both sides begin with a weights file and decoded pictures, and end with what is asked for: figures, or
a class and a probability for each picture. The bare loop takes the best of several batch sizes and
memory formats.
"""

import argparse
import contextlib
import io
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from bare import FORMATS
from clfw.artifacts.weights import restore_model
from clfw.artifacts.weightsfile import find_weights, read_header
from clfw.cli import outcome
from clfw.learning.evaluating import evaluate_split, predict_split
from clfw.learning.inference import OpenedPictures
from clfw.learning.workbench import Seams
from pictures import Decoded, decoded, installed, own_cache
from timing import Comparison, interleaved, parser, report

MODELS = (("math_cnn", "mnist"), ("fashion_cnn", "fashion_csv"))
SIZES = (128, 512, 1024)


class BareInference:
    """Restores a network and computes logits, and nothing more."""

    def __init__(self, path: Path, data: Decoded) -> None:
        self._path = path
        self._images = torch.from_numpy(data.pixels).permute(0, 3, 1, 2).contiguous()
        self.targets = torch.from_numpy(data.targets)
        self._mean, self._std = data.preprocess.mean[0], data.preprocess.std[0]
        self._data = data
        self.size, self.memory_format = SIZES[0], "contiguous"

    def logits(self) -> Tensor:
        """(N, K), from the weights file on."""
        header = read_header(find_weights(self._path))
        model: nn.Module = restore_model(header, installed()[0]).eval()
        memory_format = FORMATS[self.memory_format]
        model = model.to(memory_format=memory_format)
        parts = []
        with torch.inference_mode():
            for images in self._images.split(self.size):
                batch = images.to(torch.float32, memory_format=memory_format)
                parts.append(model(batch.div_(255).sub_(self._mean).div_(self._std)))
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


def timed(work: Callable[[], object]) -> float:
    """Seconds that `work` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def compare(model: str, entry: str, options: argparse.Namespace, folder: Path) -> list[Comparison]:
    """Evaluation and prediction of one network."""
    data_dir, pairs = options.data_dir, options.pairs
    command = ["run", "--model", model, "--data", entry, "--steps", "1", "--out", str(folder)]
    command += ["--data-dir", str(data_dir)] if data_dir else []
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()) as talk,
    ):
        code = outcome(command)
    if code:
        sys.exit(talk.getvalue())
    data = decoded(entry, data_dir).first(options.pictures)
    header, (catalog, _), seams = read_header(find_weights(folder)), installed(), Seams()
    count = len(data.targets)
    opened = OpenedPictures(
        images=data.pixels,
        positions=np.arange(count),
        keys=[str(number) for number in range(count)],
        targets=data.targets,
        errors={},
        labels=header.classes,
        source=data.source,
    )
    bare = BareInference(folder, data)
    bare.tune()
    commands: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        "eval": (lambda: evaluate_split(header, opened, catalog, seams, "cpu"), bare.evaluate),
        "predict": (lambda: predict_split(header, opened, catalog, seams, "cpu"), bare.predict),
    }
    comparisons = []
    for name, (ours, theirs) in commands.items():
        a, b = interleaved(
            lambda work=ours: count / timed(work),
            lambda work=theirs: count / timed(work),
            pairs,
        )
        comparisons.append(
            Comparison(
                work=f"clfw {name}, {model}",
                against="bare inference loop",
                unit="images/s",
                form="ours / theirs",
                goal="at least",
                target=0.95,
                ours=a,
                theirs=b,
                notes=(
                    f"{data.told(entry)}; the bare loop is fastest {bare.memory_format} with "
                    f"batches of {bare.size}",
                ),
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
