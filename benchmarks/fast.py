"""`mnist_fast` and `fashion_fast`: what accuracy they reach, and in how many epochs of `math_cnn`.

    python benchmarks/fast.py
    python benchmarks/fast.py --only mnist --seeds 5

Every training is a whole `clfw run`, with seeds 0, 1, 2 ...; its time is the sum of the seconds that its
metrics have for its epochs, on the training split alone. `fashion_fast` answers by the mean over a picture
and its mirror image: its evaluations, which are not counted, take twice the time.

The unit is one epoch of `math_cnn`, as its document writes it, on 60,000 pictures held in memory, by a
plain PyTorch loop with the defaults of tutorials: contiguous format, Adam with AMSGrad that is not fused,
batches of 64, no augmentation. It is timed on a third of the pictures before and after each training, and
the mean taken; in a process of its own, since clfw's setting of the allocator stays with a process and
would speed it up.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import mean

import torch

from bare import normalized, plain_epoch
from clfw.artifacts.history import read_history
from clfw.config.data_choice import Request
from clfw.runs.results import Result
from document import math_cnn
from environment import own_cache
from peer_loops import amsgrad
from pictures import decoded
from running import whole_run
from timing import Comparison, parser, report, timed

UNIT_PICTURES, UNIT_TIMED, UNIT_BATCH_SIZE = 60_000, 20_000, 64
NARROWER = ("model.filters=[16,16,32,64]",)
MIRRORED = "answers are means over each picture and its mirror image"
WIDER = ("model.filters=[32,64,64,128]",)
LONGER = (*WIDER, "loss.label_smoothing=0.1", "train.optimizer=adamw", "train.weight_decay=0.05")


@dataclass(frozen=True, kw_only=True, slots=True)
class Training:
    """What is trained, and its goals.

    Attributes:
        options, settings: beyond the entry's own recipe and values, as they are typed.
        split: whose accuracy is held to the goal: "test", or "validation" where the test split has no
            labels.
        accuracy: to be reached, %.
        units: to reach it in, epochs of `math_cnn`.
    """

    model: str
    entry: str
    split: str
    accuracy: float
    units: float
    options: Mapping[str, int] = field(default_factory=dict)
    settings: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """As it would be typed."""
        options = [f"--{key} {value}" for key, value in self.options.items()]
        return " ".join([self.model, *(f"--set {text}" for text in self.settings), *options])


TRAININGS = {
    "mnist": (
        Training(
            model="mnist_fast", entry="mnist", split="test", accuracy=99.0, units=0.4,
            options={"epochs": 2}, settings=NARROWER,
        ),
        Training(model="mnist_fast", entry="mnist", split="test", accuracy=99.4, units=0.7),
    ),
    "fashion": (
        Training(
            model="fashion_fast", entry="fashion_csv", split="validation", accuracy=90.0, units=1.0
        ),
        Training(
            model="fashion_fast", entry="fashion_csv", split="validation", accuracy=92.0, units=3.0,
            options={"epochs": 4}, settings=WIDER,
        ),
        Training(
            model="fashion_fast", entry="fashion_csv", split="validation", accuracy=93.5, units=10.0,
            options={"epochs": 14}, settings=LONGER,
        ),
    ),
}  # fmt: skip


def say_unit(options: argparse.Namespace) -> None:
    """Print the seconds of one epoch of `math_cnn`."""
    data = decoded("mnist", options.data_dir).first(256 if options.quick else UNIT_TIMED)
    images, targets = normalized(data), torch.from_numpy(data.targets)
    torch.manual_seed(0)
    model = math_cnn()
    optimizer = amsgrad(model.parameters())
    plain_epoch(model, images[:2048], targets[:2048], optimizer, UNIT_BATCH_SIZE)  # warms up
    seconds = timed(lambda: plain_epoch(model, images, targets, optimizer, UNIT_BATCH_SIZE))
    print(seconds * UNIT_PICTURES / len(targets))


def unit_seconds(options: argparse.Namespace) -> float:
    """Seconds of one epoch of `math_cnn`, in a new process."""
    command = [sys.executable, __file__, "--unit", *(["--quick"] if options.quick else [])]
    if options.data_dir is not None:
        command += ["--data-dir", str(options.data_dir)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return float(done.stdout.split()[-1])


def trained(
    training: Training, seed: int, options: argparse.Namespace
) -> tuple[Result, float, bool]:
    """A whole run, the seconds of its training, and whether it answers by mirrored pictures too."""
    shortened = {"epochs": 1} if options.quick else {}
    request = Request(
        model=training.model,
        data=training.entry,
        settings=training.settings,
        options={**training.options, **shortened, "seed": seed},
        data_folder=options.data_dir,
    )
    with tempfile.TemporaryDirectory(prefix="clfw-fast-") as folder:
        result = whole_run(request, Path(folder) / "run")
        seconds = sum(epoch.seconds for epoch in read_history(result.folder))
        values = json.loads((result.folder / "plan.json").read_text())["model"]["values"]
    return result, seconds, bool(values["mirror"]["value"])


def compare(training: Training, options: argparse.Namespace) -> list[Comparison]:
    """The time of one training in units, and its accuracy on each split with labels that it held out."""
    seconds, units, results = [], [unit_seconds(options)], []
    for seed in range(options.seeds):
        result, spent, mirrored = trained(training, seed, options)
        results.append(result)
        seconds.append(spent)
        units.append(unit_seconds(options))
    time = Comparison(
        work=f"{training.name}: training time",
        against="an epoch of math_cnn, plain loop",
        unit="s",
        form="ours / theirs",
        goal="at most",
        target=training.units,
        ours=seconds,
        theirs=[mean(pair) for pair in pairwise(units)],
        source=results[0].summary["source"],
    )
    splits = [s for s in ("validation", "test") if all(s in r.evaluations for r in results)]
    return [time] + [
        Comparison(
            work=f"{training.name}: accuracy, {split}",
            against="",
            unit="%",
            form="ours",
            goal="at least" if split == training.split else "",
            target=training.accuracy,
            ours=[100 * result.evaluations[split].accuracy for result in results],
            theirs=[0.0] * options.seeds,
            notes=(MIRRORED,) if mirrored else (),
            source=results[0].summary["source"],
        )
        for split in splits
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and report."""
    options = parser(__doc__ or "", pairs=None)
    options.add_argument("--seeds", type=int, default=3, help="trainings of each kind")
    options.add_argument("--only", choices=TRAININGS, help="this set alone")
    options.add_argument("--unit", action="store_true", help=argparse.SUPPRESS)
    options.add_argument("--most-epochs", type=int, help="leave longer trainings out")
    chosen = options.parse_args(arguments)
    if chosen.quick:
        chosen.seeds = 1
    if chosen.unit:
        say_unit(chosen)
        return
    comparisons = []
    with own_cache():
        for name in [chosen.only] if chosen.only else TRAININGS:
            for training in TRAININGS[name]:
                if training.options.get("epochs", 0) > (chosen.most_epochs or math.inf):
                    continue
                comparisons += compare(training, chosen)
    remarks = ["A pair is a seed. The test split is read once, at the end of each run."]
    report("fast", comparisons, chosen, warnings=remarks)


if __name__ == "__main__":
    main()
