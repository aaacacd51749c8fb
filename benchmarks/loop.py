"""clfw's training loop against the best bare PyTorch loop on the same work, in one process.

    python benchmarks/loop.py            # a minute
    python benchmarks/loop.py --pairs 7 --pictures 10000

Both train the same network from the same weights on the same pictures, held in memory as uint8, with
the same fused Adam and ReLU behind the pooling. The bare loop takes the memory format that it is
faster in; clfw takes the one of its table.
"""

import statistics
from collections.abc import Sequence

import torch
from torch.nn.functional import cross_entropy
from torch.utils.flop_counter import FlopCounterMode

from bare import FORMATS, BareLoop, adam_recipe, clfw_epochs, network
from clfw.api.task import Task
from clfw.models.device import prepare
from environment import own_cache
from pictures import Decoded, decoded
from timing import Comparison, interleaved, parser, report, timed

WORK = (  # model, data, batch size, least ratio
    ("math_cnn", "mnist", 64, 0.97),
    ("math_cnn", "mnist", 200, 0.97),
    ("fashion_cnn", "fashion_csv", 128, 0.95),
)
SIDE = 2048  # of the square matrices whose product shows the peak


def operations(model: str, task: Task) -> float:
    """Floating-point operations of a picture, forward and backward."""
    made, count = network(model, task), 8
    images = torch.zeros(count, task.channels, task.height, task.width)
    with FlopCounterMode(display=False) as counter:
        cross_entropy(made(images), torch.zeros(count, dtype=torch.int64)).backward()
    return counter.get_total_flops() / count


def peak(side: int) -> float:
    """Floating-point operations a second of the best of ten matrix products."""
    a, b = torch.ones(side, side), torch.ones(side, side)
    return 2 * side**3 / min(timed(lambda: a @ b) for _ in range(10))


def compare(
    model: str, entry: str, data: Decoded, batch_size: int, target: float, pairs: int, top: float
) -> Comparison:
    """One network at one batch size."""
    recipe = adam_recipe(batch_size)
    loop = BareLoop(data, recipe)
    best = loop.best_format(lambda: network(model, data.task))
    memory_format = FORMATS[best]
    count = len(data.targets)

    def ours() -> float:
        return count / clfw_epochs(network(model, data.task), data, recipe)[0].seconds

    def theirs() -> float:
        made = loop.placed(network(model, data.task), memory_format)
        return count / loop.epoch(made, memory_format)

    a, b = interleaved(ours, theirs, pairs=pairs)
    each = operations(model, data.task)
    share = statistics.median(a) * each / top
    return Comparison(
        work=f"{model}, batch {batch_size}",
        against="best bare loop",
        unit="images/s",
        form="ours / theirs",
        goal="at least",
        target=target,
        ours=a,
        theirs=b,
        notes=(
            f"{data.told(entry)} an epoch; the bare loop is fastest {best}",
            f"{model}: {each / 1e6:.3g} MFLOP a picture; clfw reaches {share:.0%} of the "
            f"{top / 1e9:.0f} GFLOP/s of a matrix product at batch {batch_size}",
        ),
        source=data.source,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and report."""
    options = parser(__doc__ or "")
    options.add_argument("--pictures", type=int, default=4000, help="in an epoch")
    chosen = options.parse_args(arguments)
    if chosen.quick:
        chosen.pairs, chosen.pictures = 1, 256
    prepare(None, deterministic=False)  # clfw's allocator setting, for both sides
    top = peak(256 if chosen.quick else SIDE)
    comparisons = []
    with own_cache():
        for model, entry, batch_size, target in WORK:
            data = decoded(entry, chosen.data_dir).first(chosen.pictures)
            comparisons.append(compare(model, entry, data, batch_size, target, chosen.pairs, top))
    report("loop", comparisons, chosen)


if __name__ == "__main__":
    main()
