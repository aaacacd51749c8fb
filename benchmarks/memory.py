"""Peak resident memory of `clfw run` against a bare loop that trains the same network as long.

    python benchmarks/memory.py

Each side is a process of its own. The bare loop imports torch and numpy, reads the pictures from one
array file and trains; clfw reads the files of the set, decodes, trains, evaluates, and writes its run
folder with all pictures of it.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from environment import kept_bytecode, own_cache
from memory_side import BATCH_SIZE
from pictures import decoded
from timing import Comparison, interleaved, parser, report

GOAL = 200.0  # MB more than the bare loop
DATA = ("mnist", "fashion_csv")


def megabytes(*arguments: str) -> float:
    """Peak of one side, in a new process with an empty cache."""
    script = str(Path(__file__).with_name("memory_side.py").resolve())
    with own_cache(), tempfile.TemporaryDirectory(prefix="clfw-memory-") as folder:
        command = [sys.executable, script, *arguments]
        done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return float(done.stdout.split()[-1])


def compare(entry: str, options: argparse.Namespace) -> Comparison:
    """One set of pictures."""
    steps = str(options.steps)
    full_sets = [] if options.data_dir is None else [str(options.data_dir.resolve())]
    with tempfile.TemporaryDirectory(prefix="clfw-memory-") as folder, kept_bytecode():
        arrays = Path(folder) / "pictures.npz"
        with own_cache():
            data = decoded(entry, options.data_dir)
        np.savez(arrays, pixels=data.pixels, targets=data.targets)
        ours, theirs = interleaved(
            lambda: megabytes("clfw", entry, steps, *full_sets),
            lambda: megabytes("bare", str(arrays), steps),
            pairs=options.pairs,
        )
    return Comparison(
        work=f"math_cnn on {entry}, peak resident size",
        against="bare loop",
        unit="MB",
        form="ours - theirs",
        goal="at most",
        target=GOAL,
        ours=ours,
        theirs=theirs,
        notes=(f"{data.told(entry)}, {options.steps} updates of {BATCH_SIZE}, decoding included",),
        source=data.source,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and report."""
    options = parser(__doc__ or "", pairs=3)
    options.add_argument("--steps", type=int, default=100, help="updates of each training")
    chosen = options.parse_args(arguments)
    if chosen.quick:
        chosen.pairs, chosen.steps = 1, 2
    report("memory", [compare(entry, chosen) for entry in DATA[: 1 if chosen.quick else 2]], chosen)


if __name__ == "__main__":
    main()
