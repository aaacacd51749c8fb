"""Peak resident memory of `clfw run` against a bare loop that trains the same network as long.

    python benchmarks/memory.py

Each side is a process of its own. The bare loop imports torch and numpy, reads the pictures from one
array file and trains; clfw reads the files of the set, decodes, trains, evaluates, and writes its run
folder with all pictures of it.
"""

import argparse
import contextlib
import io
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pictures import decoded, own_cache
from timing import Comparison, interleaved, parser, report

MEGA = 1e6
GOAL = 200.0  # MB more than the bare loop
DATA = ("mnist", "fashion_csv")
BATCH_SIZE = 64


def peak() -> float:
    """The largest resident size of this process so far, MB."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MEGA
    return next(float(line.split()[1]) * 1024 / MEGA for line in lines if "VmHWM" in line)


def train_by_clfw(entry: str, options: argparse.Namespace) -> None:
    """`clfw run`, in this process."""
    from clfw.cli import outcome

    command = ["run", "--model", "math_cnn", "--data", entry, "--steps", str(options.steps)]
    command += ["--batch-size", str(BATCH_SIZE), "--out", "run"]
    if options.data_dir is not None:
        command += ["--data-dir", str(options.data_dir)]
    talk = io.StringIO()
    with contextlib.redirect_stdout(talk), contextlib.redirect_stderr(talk):
        code = outcome(command)
    if code:
        sys.exit(talk.getvalue())


def train_bare(array: Path, steps: int) -> None:
    """The bare loop on pictures that lie in an array file, then their classes; without clfw."""
    import torch
    from torch.nn.functional import cross_entropy

    import written

    with np.load(array) as stored:
        images = torch.from_numpy(stored["pixels"]).permute(0, 3, 1, 2)
        targets = torch.from_numpy(stored["targets"])
    model = written.math_cnn().to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    for _ in range(steps):
        index = torch.randint(len(targets), (BATCH_SIZE,))
        cross_entropy(model(images[index].float().div_(255)), targets[index]).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    model.eval()
    with torch.inference_mode():
        for part in images.split(512):
            model(part.float().div_(255)).argmax(1)


def megabytes(side: str, entry: str, array: Path, options: argparse.Namespace) -> float:
    """Peak of one side, in a new process with an empty cache."""
    command = [sys.executable, __file__, "--side", side, "--data", entry]
    command += ["--array", str(array), "--steps", str(options.steps)]
    if options.data_dir is not None:
        command += ["--data-dir", str(options.data_dir.resolve())]
    with own_cache(), tempfile.TemporaryDirectory(prefix="clfw-memory-") as folder:
        done = subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE, text=True)
    return float(done.stdout.split()[-1])


def compare(entry: str, options: argparse.Namespace) -> Comparison:
    """One set of pictures."""
    with tempfile.TemporaryDirectory(prefix="clfw-memory-") as folder:
        array = Path(folder) / "pictures.npz"
        with own_cache():
            data = decoded(entry, options.data_dir)
        np.savez(array, pixels=data.pixels, targets=data.targets)
        ours, theirs = interleaved(
            lambda: megabytes("clfw", entry, array, options),
            lambda: megabytes("bare", entry, array, options),
            options.pairs,
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
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and report."""
    options = parser(__doc__ or "", pairs=3)
    options.add_argument("--steps", type=int, default=100, help="updates of each training")
    options.add_argument("--side", choices=("clfw", "bare"), help=argparse.SUPPRESS)
    options.add_argument("--data", help=argparse.SUPPRESS)
    options.add_argument("--array", type=Path, help=argparse.SUPPRESS)
    chosen = options.parse_args(arguments)
    if chosen.side:
        if chosen.side == "clfw":
            train_by_clfw(chosen.data, chosen)
        else:
            train_bare(chosen.array, chosen.steps)
        print(peak())
        return
    if chosen.quick:
        chosen.pairs, chosen.steps = 1, 2
    report("memory", [compare(entry, chosen) for entry in DATA[: 1 if chosen.quick else 2]], chosen)


if __name__ == "__main__":
    main()
