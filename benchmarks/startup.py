"""What a command costs before it does anything: `clfw list` against imports alone.

python benchmarks/startup.py
"""

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from environment import kept_bytecode, own_cache
from timing import Comparison, interleaved, parser, report, timed

WORK = (  # what, against what, greatest ratio (0 for none)
    (("list",), "import click", 2.0),
    (("--help",), "import click", 0.0),
    (("list",), "import torch", 0.0),
)


def clfw_command() -> list[str]:
    """The installed command beside this Python, else the module."""
    script = Path(sys.executable).with_name("clfw")
    return [str(script)] if script.exists() else [sys.executable, "-m", "clfw"]


def seconds_of(command: Sequence[str]) -> Callable[[], float]:
    """A function that runs `command` to its end and says how long that took."""
    return lambda: timed(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))


def compare(command: Sequence[str], statement: str, target: float, pairs: int) -> Comparison:
    """One command against one import."""
    ours, theirs = interleaved(
        seconds_of([*clfw_command(), *command]),
        seconds_of([sys.executable, "-c", statement]),
        pairs=max(1, pairs // 3) if statement == "import torch" else pairs,
    )
    return Comparison(
        work=f"clfw {' '.join(command)}",
        against=f'python -c "{statement}"',
        unit="s",
        form="ours / theirs",
        goal="at most" if target else "",
        target=target,
        ours=ours,
        theirs=theirs,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and report."""
    chosen = parser(__doc__ or "", pairs=15).parse_args(arguments)
    if chosen.quick:
        chosen.pairs = 1
    with own_cache(), kept_bytecode():
        comparisons = [compare(*work, chosen.pairs) for work in WORK]
    report("startup", comparisons, chosen)


if __name__ == "__main__":
    main()
