"""Trains once and says its peak resident size, MB: a process of memory.py.

    python benchmarks/memory_side.py clfw DATA STEPS [FOLDER OF FULL SETS]
    python benchmarks/memory_side.py bare ARRAYS STEPS

Each side imports what it needs and nothing more: the bare one torch and numpy.
"""

import contextlib
import io
import resource
import sys
from pathlib import Path

MEGA = 1e6
BATCH_SIZE = 64


def peak() -> float:
    """The largest resident size of this process so far, MB."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MEGA
    return next(float(line.split()[1]) * 1024 / MEGA for line in lines if "VmHWM" in line)


def train_by_clfw(entry: str, steps: str, *folder: str) -> None:
    """`clfw run`, in this process."""
    from clfw.cli import outcome

    command = ["run", "--model", "math_cnn", "--data", entry, "--steps", steps]
    command += ["--batch-size", str(BATCH_SIZE), "--out", "run"]
    for path in folder:
        command += ["--data-dir", path]
    talk = io.StringIO()
    with contextlib.redirect_stdout(talk), contextlib.redirect_stderr(talk):
        code = outcome(command)
    if code:
        sys.exit(talk.getvalue())


def train_bare(arrays: str, steps: str) -> None:
    """The bare loop on pictures that lie in an array file, then their classes."""
    import numpy as np
    import torch
    from torch.nn.functional import cross_entropy

    from document import math_cnn

    with np.load(arrays) as stored:
        images = torch.from_numpy(stored["pixels"]).permute(0, 3, 1, 2)
        targets = torch.from_numpy(stored["targets"])
    model = math_cnn().to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    for _ in range(int(steps)):
        index = torch.randint(len(targets), (BATCH_SIZE,))
        cross_entropy(model(images[index].float().div_(255)), targets[index]).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    model.eval()
    with torch.inference_mode():
        for part in images.split(512):
            model(part.float().div_(255)).argmax(1)


def main(side: str, *arguments: str) -> None:
    """Train, and print the peak."""
    if side == "clfw":
        train_by_clfw(*arguments)
    else:
        train_bare(*arguments)
    print(peak())


if __name__ == "__main__":
    main(*sys.argv[1:])
