"""What stands between a command and its first training step: decoding, caches, imports.

    python benchmarks/first_start.py

A first start decodes, hashes and caches every picture; a cached one finds all that. Both are timed in
this process with every module imported, from the names to pictures that are ready. The first step is
timed over a whole `clfw run` process, from its birth to the end of its first update; the checkpoint of
the beginning, which every run writes, is counted.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from clfw.data.negotiation import natural_preprocess
from clfw.data.opening import DecodedImages, decode_splits
from clfw.io.progress import no_progress
from environment import kept_bytecode, own_cache
from pictures import opened_data
from timing import Comparison, interleaved, parser, report, timed

ENTRY = "fashion_csv"
MODEL = "fashion_cnn"
FEWEST = 15  # pairs of processes, whose times vary more than those within one


def start(folder: Path | None) -> tuple[DecodedImages, str]:
    """The pictures of a run, ready, and whether they are of the full set."""
    opened = opened_data(ENTRY, folder)
    preprocess = natural_preprocess(opened, opened.choice.common)
    pictures = decode_splits(opened, preprocess, ("train", "validation"), no_progress)
    return pictures, opened.choice.source


def starts(options: argparse.Namespace) -> list[Comparison]:
    """First and cached starts."""
    with own_cache():
        pictures, source = start(options.data_dir)

        def first() -> float:
            with own_cache():
                return timed(lambda: start(options.data_dir))

        def cached() -> float:
            return timed(lambda: start(options.data_dir))

        first_seconds, cached_seconds = interleaved(first, cached, pairs=options.pairs)
        assert start(options.data_dir)[0].cached
    note = "from names to pictures, every module imported; the files are in the page cache"
    return [
        Comparison(
            work=f"{kind} start, {len(pictures.targets):,} PNGs of {ENTRY}",
            against="",
            unit="s",
            form="ours",
            goal="at most",
            target=target,
            ours=seconds,
            theirs=[0.0] * options.pairs,
            notes=(note,),
            source=source,
        )
        for kind, seconds, target in (("first", first_seconds, 3.0), ("cached", cached_seconds, 0.3))
    ]  # fmt: skip


def seconds_until_told(command: Sequence[str], folder: Path) -> Callable[[], float]:
    """A function that starts `command` in `folder` and says how long it took until the time it prints."""

    def run() -> float:
        began = time.time()
        done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(done.stderr)
        return float(done.stdout.split()[-1]) - began

    return run


def to_first_step(options: argparse.Namespace) -> Comparison:
    """Seconds to the first update with cached data, beyond those of `import torch`."""
    script = str(Path(__file__).with_name("first_step.py").resolve())
    command = [sys.executable, script, MODEL, ENTRY]
    if options.data_dir is not None:
        command.append(str(options.data_dir.resolve()))
    torch_alone = [sys.executable, "-c", "import time, torch; print(time.time())"]
    with own_cache() as folder, kept_bytecode():
        _, source = start(options.data_dir)
        ours, theirs = interleaved(
            seconds_until_told(command, folder),
            seconds_until_told(torch_alone, folder),
            pairs=1 if options.quick else max(options.pairs, FEWEST),
        )
    return Comparison(
        work=f"command to first step, {MODEL}, cached data",
        against="import torch",
        unit="s",
        form="ours - theirs",
        goal="at most",
        target=1.0,
        ours=ours,
        theirs=theirs,
        source=source,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and report."""
    chosen = parser(__doc__ or "").parse_args(arguments)
    if chosen.quick:
        chosen.pairs = 1
    report("first_start", [*starts(chosen), to_first_step(chosen)], chosen)


if __name__ == "__main__":
    main()
