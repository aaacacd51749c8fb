"""clfw's training loop against the bare loop on a GPU, and the share of time that the GPU is busy.

    python benchmarks/gpu.py

Both compute in float32 with TF32 products, with a fused Adam and the convolutions that cuDNN finds
fastest. `math_cnn` learns 28x28 grey pictures, and timm's ResNet-18, with its first layers for small
pictures, 32x32 colour ones. Where PyTorch finds no GPU it says so and measures nothing.
"""

import argparse
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

from bare import FORMATS, BareLoop, adam_recipe, clfw_epochs, network
from clfw.api.preprocess import Preprocess
from clfw.api.task import Task
from clfw.models.device import prepare
from pictures import Decoded
from timing import Comparison, interleaved, parser, report

WORK = (("math_cnn", 1, 28, 512), ("ResNet-18", 3, 32, 512))  # network, channels, side, batch size
EPOCHS = 10  # under the profiler, so that set-up counts for little
CLASSES = tuple("abcdefghij")


def drawn(count: int, channels: int, side: int) -> Decoded:
    """Noise: speed does not depend on what is in the pictures."""
    rng = np.random.default_rng(0)
    return Decoded(
        pixels=rng.integers(0, 256, (count, side, side, channels), dtype=np.uint8),
        targets=rng.integers(0, len(CLASSES), count),
        preprocess=Preprocess(
            channels=channels, height=side, width=side, mean=(0.5,) * channels, std=(0.25,) * channels
        ),
        task=Task(classes=CLASSES, channels=channels, height=side, width=side),
        source="full",
    )  # fmt: skip


def made(name: str, task: Task) -> nn.Module:
    """The network, with the same first weights every time."""
    if name == "math_cnn":
        return network(name, task)
    model = network("timm_model", task, network="resnet18")
    model.conv1 = nn.Conv2d(task.channels, 64, 3, padding=1, bias=False)
    model.maxpool = nn.Identity()
    return model


def busy(work: Callable[[], object]) -> float:
    """The share of the time of `work` in which a kernel or a copy was under way on the GPU."""
    with profile(activities=[ProfilerActivity.CUDA]) as profiler:
        start = time.perf_counter()
        work()
        torch.cuda.synchronize()
        seconds = time.perf_counter() - start
    return sum(event.self_device_time_total for event in profiler.key_averages()) / 1e6 / seconds


def compare(
    name: str, channels: int, side: int, batch_size: int, options: argparse.Namespace
) -> Comparison:
    """One network."""
    data = drawn(options.pictures, channels, side)
    recipe = adam_recipe(batch_size)
    loop = BareLoop(data, recipe, "cuda")
    best = loop.best_format(lambda: made(name, data.task))

    def ours() -> float:
        return (
            options.pictures / clfw_epochs(made(name, data.task), data, recipe, "cuda")[0].seconds
        )

    def theirs() -> float:
        model = loop.placed(made(name, data.task), FORMATS[best])
        return options.pictures / loop.epoch(model, FORMATS[best])

    a, b = interleaved(ours, theirs, pairs=options.pairs)
    model, longer = made(name, data.task), adam_recipe(batch_size, 1 if options.quick else EPOCHS)
    share = busy(lambda: clfw_epochs(model, data, longer, "cuda"))
    return Comparison(
        work=f"{name}, {side}x{side}x{channels}, batch {batch_size}",
        against="bare loop, float32 with TF32, fused Adam",
        unit="images/s",
        form="ours / theirs",
        goal="at least",
        target=0.95,
        ours=a,
        theirs=b,
        notes=(
            f"{options.pictures:,} pictures an epoch; the bare loop is fastest {best}",
            f"{name}: the GPU is busy {share:.0%} of clfw's time under the profiler, "
            f"over {longer.epochs} epochs with set-up and the copy of all pictures",
        ),
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and report."""
    options = parser(__doc__ or "", pairs=9)
    options.add_argument("--pictures", type=int, default=50_000, help="in an epoch")
    chosen = options.parse_args(arguments)
    if chosen.quick:
        chosen.pairs, chosen.pictures = 1, 2048
    if not torch.cuda.is_available():
        print("gpu: PyTorch finds no GPU here, so nothing is measured")
        return
    prepare(None, deterministic=False)
    torch.set_float32_matmul_precision("high")  # as clfw sets it, here for both sides
    torch.backends.cudnn.benchmark = True
    comparisons = [compare(*work, chosen) for work in WORK]
    report("gpu", comparisons, chosen, warnings=[f"GPU: {torch.cuda.get_device_name()}."])


if __name__ == "__main__":
    main()
