"""clfw against other frameworks in their ordinary use: `math_cnn` on MNIST, epochs in turn.

    pip install '.[bench]'
    python benchmarks/peers.py
    python benchmarks/peers.py --only lightning --only skorch

Each peer trains in a process of its own, by its own trainer, for all its epochs in one go; after each
of its epochs it waits while clfw trains one in another process, so that neither has the other's settings.
The peers' network has its ReLU before the pooling, as the document writes it. A peer counts only where
its accuracy on test pictures comes within MARGIN of a plain PyTorch loop's after as many epochs.
"""

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

import peer_loops
from bare import accuracy, adam_recipe, clfw_epochs, network, normalized, plain_epoch
from clfw.models.device import prepare
from document import math_cnn
from environment import own_cache
from peer_loops import LR, MEAN, STD, amsgrad
from pictures import Decoded, decoded
from timing import Comparison, parser, report

MARGIN = 0.015  # of accuracy
NOT_COMPARED = "Ultralytics: not compared; it trains networks of its own, from its own file format."
BATCH_SIZES = (64, 200)
PICTURES = 6400  # whole batches of both sizes: some peers leave the rest of an epoch out
BARE, CLFW = "bare", "clfw"  # whose accuracies the others are held to
SERVED = "served"  # clfw beside a peer

# The name that people know, the package to install, the function, and the goals at 64 and 200.
PEERS: dict[str, tuple[str, str, peer_loops.Fit, dict[int, float]]] = {
    "tutorial": ("tutorial style", "torchvision", peer_loops.tutorial, {64: 2.5, 200: 2.0}),
    "lightning": ("Lightning", "lightning", peer_loops.lightning, {64: 2.5, 200: 2.0}),
    "hf_trainer": ("HF Trainer", "transformers", peer_loops.hf_trainer, {64: 2.5, 200: 2.0}),
    "fastai": ("fastai", "fastai", peer_loops.fastai, {64: 2.5, 200: 2.0}),
    "timm": ("timm's train.py style", "timm", peer_loops.timm, {64: 2.5, 200: 2.0}),
    "skorch": ("skorch", "skorch", peer_loops.skorch, {64: 1.8, 200: 1.6}),
    "keras": ("Keras on torch", "keras", peer_loops.keras, {}),
}


class Ours:
    """clfw in a process of its own, which trains an epoch whenever it is asked to."""

    def __init__(self, batch_size: int, options: argparse.Namespace) -> None:
        command = own_command(SERVED, batch_size, options)
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def epoch(self) -> float:
        """Seconds of one epoch."""
        self._ask("epoch")
        answered = self._process.stdout
        assert answered is not None
        if not (line := answered.readline()):
            raise RuntimeError(f"clfw ended beside the peer, exit code {self._process.wait()}")
        return float(line)

    def _ask(self, what: str) -> None:
        asked = self._process.stdin
        assert asked is not None
        asked.write(f"{what}\n")
        asked.flush()

    def __enter__(self) -> "Ours":
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._ask("end")  # the end of its input may not come: a peer's workers hold it open too
        self._process.wait()


def serve(training: Decoded, batch_size: int) -> None:
    """Train an epoch for every line of the input until its end is said, and print its seconds."""
    prepare(None, deterministic=False)
    model = network("math_cnn", training.task)
    for line in sys.stdin:
        if line == "end\n":
            break
        print(clfw_epochs(model, training, adam_recipe(batch_size))[0].seconds, flush=True)


class Stopwatch:
    """Times a peer's epochs, and after each of them one of clfw's."""

    def __init__(self, ours: Callable[[], float]) -> None:
        self._ours = ours
        self._start = 0.0
        self.pairs: list[tuple[float, float]] = []

    def begin(self) -> None:
        self._start = time.perf_counter()

    def end(self) -> None:
        theirs = time.perf_counter() - self._start
        self.pairs.append((self._ours(), theirs))


def plain_network(data: Decoded) -> nn.Module:
    """The network as its document writes it, with clfw's first weights."""
    plain, ours = math_cnn(), network("math_cnn", data.task)
    with torch.no_grad():
        for mine, theirs in zip(plain.parameters(), ours.parameters(), strict=True):
            mine.copy_(theirs)
    return plain


def bare(
    model: nn.Module, data: Decoded, batch_size: int, epochs: int
) -> Callable[[Tensor], Tensor]:
    """The plain PyTorch loop on a set in memory whose accuracy the peers are held to."""
    images, targets = normalized(data), torch.from_numpy(data.targets)
    optimizer = amsgrad(model.parameters())
    for _ in range(epochs):
        plain_epoch(model, images, targets, optimizer, batch_size)
    return model.eval()


def write_idx(path: Path, array: NDArray[np.uint8]) -> None:
    """`array` as an IDX file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sizes = np.array(array.shape, ">u4").tobytes()
    path.write_bytes(bytes((0, 0, 8, array.ndim)) + sizes + array.tobytes())


def write_mnist(folder: Path, training: Decoded, test: Decoded) -> None:
    """The files that torchvision's MNIST class reads."""
    for prefix, data in (("train", training), ("t10k", test)):
        raw = folder / "MNIST" / "raw"
        write_idx(raw / f"{prefix}-images-idx3-ubyte", data.pixels[..., 0])
        write_idx(raw / f"{prefix}-labels-idx1-ubyte", data.targets.astype(np.uint8))


def pictures(options: argparse.Namespace, split: str = "train") -> Decoded:
    """Pictures of MNIST with the mean and deviation that every tutorial has."""
    data = decoded("mnist", options.data_dir, split, mean=MEAN, std=STD)
    return data.first(options.pictures) if split == "train" else data


def measure_one(name: str, batch_size: int, options: argparse.Namespace) -> dict[str, Any]:
    """One side at one batch size, in this process: its accuracy, and pairs of seconds of a peer."""
    training, test = pictures(options), pictures(options, "test")
    epochs = options.pairs + 1  # the first warms up
    torch.manual_seed(0)
    pairs: list[tuple[float, float]] = []
    if name == BARE:
        answer = bare(plain_network(training), training, batch_size, epochs)
    elif name == CLFW:
        ours = network("math_cnn", training.task)
        clfw_epochs(ours, training, adam_recipe(batch_size, epochs))
        answer = ours.eval()
    else:
        with (
            tempfile.TemporaryDirectory(prefix="clfw-peer-") as folder,
            Ours(batch_size, options) as beside,
        ):
            write_mnist(Path(folder), training, test.first(500))  # fastai looks at it every epoch
            stopwatch = Stopwatch(beside.epoch)
            fit = PEERS[name][2]
            answer = fit(plain_network(training), Path(folder), batch_size, epochs, stopwatch)
        pairs = stopwatch.pairs[1:]
    return {
        "accuracy": accuracy(answer, test),
        "pairs": pairs,
        "data": training.told("mnist"),
        "source": training.source,
    }


def own_command(name: str, batch_size: int, options: argparse.Namespace) -> list[str]:
    """What starts a process for one side."""
    command = [sys.executable, str(Path(__file__).resolve()), "--one", name]
    command += ["--batch-size", str(batch_size)]
    command += ["--pairs", str(options.pairs), "--pictures", str(options.pictures)]
    if options.data_dir is not None:
        command += ["--data-dir", str(options.data_dir.resolve())]
    return command


def in_its_own_process(name: str, batch_size: int, options: argparse.Namespace) -> dict[str, Any]:
    """`measure_one` in a new process; {"error": ...} where that fails."""
    with tempfile.TemporaryDirectory(prefix="clfw-peer-") as folder:
        out = Path(folder) / "result.json"
        command = [*own_command(name, batch_size, options), "--json", str(out)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode != 0 or not out.exists():
            lines = done.stderr.strip().splitlines()
            return {"error": lines[-1] if lines else f"exit code {done.returncode}"}
        result: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
        return result


def required(name: str, batch_size: int, options: argparse.Namespace) -> float:
    """The accuracy of one that the others are compared with."""
    result = in_its_own_process(name, batch_size, options)
    if "error" in result:
        sys.exit(f"{name}, batch {batch_size}: failed: {result['error']}")
    found: float = result["accuracy"]
    return found


def compare(
    name: str, batch_size: int, result: dict[str, Any], held_to: float, ours_reached: bool,
    options: argparse.Namespace,
) -> Comparison:  # fmt: skip
    """A row of the table; only between two that reached the accuracy is there a goal."""
    label, _, _, goals = PEERS[name]
    ours, theirs = zip(*result["pairs"], strict=True)
    reached = result["accuracy"] >= held_to - MARGIN
    judged = reached and ours_reached and batch_size in goals
    return Comparison(
        work=f"math_cnn, batch {batch_size}",
        against=label + ("" if reached else " (**misses the accuracy**)"),
        unit="images/s",
        form="ours / theirs",
        goal="at least" if judged else "",
        target=goals.get(batch_size, 0.0),
        ours=[options.pictures / seconds for seconds in ours],
        theirs=[options.pictures / seconds for seconds in theirs],
        notes=(f"{result['data']} an epoch",),
        source=result["source"],
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and report."""
    options = parser(__doc__ or "")
    options.add_argument("--pictures", type=int, default=PICTURES, help="in an epoch")
    options.add_argument("--only", action="append", choices=PEERS, help="this peer; repeatable")
    options.add_argument("--batch-size", type=int, choices=BATCH_SIZES, help="this one alone")
    options.add_argument("--one", choices=[BARE, CLFW, SERVED, *PEERS], help=argparse.SUPPRESS)
    chosen = options.parse_args(arguments)
    if chosen.quick:
        chosen.pairs, chosen.pictures, chosen.batch_size = 1, 256, chosen.batch_size or 64
    if chosen.one == SERVED:
        with own_cache():
            serve(pictures(chosen), chosen.batch_size)
        return
    if chosen.one:
        with own_cache():
            result = measure_one(chosen.one, chosen.batch_size, chosen)
        chosen.json.write_text(json.dumps(result), encoding="utf-8")
        return
    comparisons, remarks, there = [], [NOT_COMPARED], {}
    for name in chosen.only or PEERS:
        try:
            there[name] = metadata.version(PEERS[name][1])
        except metadata.PackageNotFoundError:
            remarks.append(f"{PEERS[name][0]}: absent here.")
    for batch_size in (chosen.batch_size,) if chosen.batch_size else BATCH_SIZES:
        plain, ours = (required(name, batch_size, chosen) for name in (BARE, CLFW))
        ours_reached = ours >= plain - MARGIN
        told = [f"clfw {ours:.2%}" + ("" if ours_reached else " (**misses it**)")]
        for name in there:
            result = in_its_own_process(name, batch_size, chosen)
            if "error" in result:
                remarks.append(f"{PEERS[name][0]}, batch {batch_size}: failed: {result['error']}.")
                continue
            told.append(f"{PEERS[name][0]} {result['accuracy']:.2%}")
            comparisons.append(compare(name, batch_size, result, plain, ours_reached, chosen))
        remarks.append(
            f"Accuracy on test pictures after {chosen.pairs + 1} epochs, batch {batch_size}, learning "
            f"rate {LR}: plain PyTorch loop {plain:.2%}; to come within {MARGIN:.1%} of it: "
            f"{', '.join(told)}."
        )
    report("peers", comparisons, chosen, [PEERS[name][1] for name in there], remarks)


if __name__ == "__main__":
    main()
