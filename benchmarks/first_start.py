"""What stands between a command and its first training step: decoding, caches, imports.

    python benchmarks/first_start.py

A first start decodes, hashes and caches every picture; a cached one finds all that. Both are timed in
this process with every module imported, from the names to pictures that are ready. The first step is
timed over a whole `clfw run` process, from its birth to the end of its first update.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from clfw.data.opening import decode_splits, natural_preprocess, no_progress
from pictures import opened_data, own_cache
from timing import Comparison, interleaved, parser, report

ENTRY = "fashion_csv"
MODEL = "fashion_cnn"


def start(folder: Path | None) -> tuple[float, int, bool]:
    """Seconds until the pictures of a run are ready, how many, and whether they were cached."""
    began = time.perf_counter()
    opened = opened_data(ENTRY, folder)
    preprocess = natural_preprocess(opened, opened.choice.values.params)
    pictures = decode_splits(opened, preprocess, ("train", "validation"), no_progress)
    return time.perf_counter() - began, len(pictures.targets), pictures.cached


def starts(options: argparse.Namespace) -> list[Comparison]:
    """First and cached starts, each in a cache of its own."""
    first, cached, count = [], [], 0
    for _ in range(options.pairs + 1):
        with own_cache():
            seconds, count, was_cached = start(options.data_dir)
            assert not was_cached
            first.append(seconds)
            seconds, _, was_cached = start(options.data_dir)
            assert was_cached
            cached.append(seconds)
    work = f"{count:,} PNGs of {ENTRY}"
    note = "from names to pictures, every module imported; the zip is in the page cache"
    return [
        Comparison(
            work=f"{kind} start, {work}",
            against="",
            unit="s",
            form="ours",
            goal="at most",
            target=target,
            ours=seconds[1:],
            theirs=[0.0] * options.pairs,
            notes=(note,),
        )
        for kind, seconds, target in (("first", first, 3.0), ("cached", cached, 0.3))
    ]


def to_first_step(options: argparse.Namespace) -> Comparison:
    """Seconds to the first update with cached data, beyond those of `import torch`."""
    command = [sys.executable, __file__, "--until-first-step"]
    if options.data_dir is not None:
        command += ["--data-dir", str(options.data_dir)]

    def ours() -> float:
        began = time.time()
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        return float(done.stdout.split()[-1]) - began

    def theirs() -> float:
        began = time.time()
        statement = "import time, torch; print(time.time())"
        done = subprocess.run(
            [sys.executable, "-c", statement], check=True, stdout=subprocess.PIPE, text=True
        )
        return float(done.stdout) - began

    with own_cache():
        start(options.data_dir)
        ours_seconds, theirs_seconds = interleaved(ours, theirs, options.pairs)
    return Comparison(
        work=f"command to first step, {MODEL}, cached data",
        against="import torch",
        unit="s",
        form="ours - theirs",
        goal="at most",
        target=1.0,
        ours=ours_seconds,
        theirs=theirs_seconds,
    )


def run_until_first_step(folder: Path | None) -> None:
    """`clfw run`, which says the time after its first update and ends there."""
    from dataclasses import replace

    from clfw.cli import outcome
    from clfw.learning.job import Job, NoKeeper, Trained
    from clfw.learning.training import StandardTrainer
    from clfw.learning.trainingstate import TrainingState
    from clfw.learning.workbench import Seams

    class Leaves(NoKeeper):
        def consider(self, state: TrainingState) -> None:
            print(time.time(), flush=True)
            os._exit(0)  # nothing that comes later is asked about

    class OneStep(StandardTrainer):
        def fit(self, job: Job) -> Trained:
            return super().fit(replace(job, keeper=Leaves()))

    sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115  (until the process ends)
    os.chdir(os.environ["CLFW_CACHE_DIR"])  # where the run folder goes too
    command = ["run", "--model", MODEL, "--data", ENTRY]
    command += ["--data-dir", str(folder)] if folder else []
    sys.exit(outcome(command, Seams(trainer=OneStep())))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and report."""
    options = parser(__doc__ or "")
    options.add_argument("--until-first-step", action="store_true", help=argparse.SUPPRESS)
    chosen = options.parse_args(arguments)
    if chosen.data_dir is not None:
        chosen.data_dir = chosen.data_dir.resolve()
    if chosen.until_first_step:
        run_until_first_step(chosen.data_dir)
    if chosen.quick:
        chosen.pairs = 1
    report("first_start", [*starts(chosen), to_first_step(chosen)], chosen)


if __name__ == "__main__":
    main()
