"""Timing by interleaved pairs, and the table and JSON that come of it. What is timed lives elsewhere."""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

Form = Literal["ours / theirs", "theirs / ours", "ours - theirs", "ours"]
FIGURES: dict[Form, Callable[[float, float], float]] = {
    "ours / theirs": lambda ours, theirs: ours / theirs,
    "theirs / ours": lambda ours, theirs: theirs / ours,
    "ours - theirs": lambda ours, theirs: ours - theirs,
    "ours": lambda ours, theirs: ours,
}
VERSIONS = ("clfw", "torch", "torchvision", "numpy", "pillow", "opencv-python-headless")
TIE = 1.25  # a ratio nearer to 1 than this factor is a tie where the pairs do not agree which side wins


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """One row of a table: pairs of measurements, and the goal for the figure that each pair gives.

    Attributes:
        work, against: what was done, and by whom besides clfw.
        unit: of the measurements: "images/s", "s", "MB" or "%".
        form: how a pair becomes a figure.
        ours, theirs: the measurements, pair by pair.
        notes: what must be known to read the row.
        source: "full", or "sample" where no goal is held to.
    """

    work: str
    against: str
    unit: str
    form: Form
    goal: Literal["at least", "at most", ""]
    target: float
    ours: Sequence[float]
    theirs: Sequence[float]
    notes: Sequence[str] = ()
    source: str = "full"

    @property
    def figures(self) -> list[float]:
        """One figure a pair."""
        pairs = zip(self.ours, self.theirs, strict=True)
        return [FIGURES[self.form](ours, theirs) for ours, theirs in pairs]

    @property
    def verdict(self) -> str:
        """The goal, and whether the median reaches it; none on a bundled sample."""
        if self.source != "full":
            return "none: bundled sample"
        if not self.goal:
            return "none"
        figure = statistics.median(self.figures)
        met = figure >= self.target if self.goal == "at least" else figure <= self.target
        return f"{self.goal} {self.target:g}: {'met' if met else '**not met**'}"


def timed(work: Callable[[], object]) -> float:
    """Seconds that `work` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def interleaved(*sides: Callable[[], float], pairs: int) -> list[list[float]]:
    """What each side measures, in turn there and back (A B, B A, ...); a first pair is not kept."""
    measured: list[list[float]] = [[] for _ in sides]
    for number in range(pairs + 1):
        turn = list(zip(sides, measured, strict=True))
        for side, values in reversed(turn) if number % 2 else turn:
            values.append(side())
    return [values[1:] for values in measured]


def parser(description: str, pairs: int | None = 5) -> argparse.ArgumentParser:
    """The options that every benchmark has; `pairs` is None where something else counts them."""
    made = argparse.ArgumentParser(description=description.partition("\n")[0])
    if pairs is not None:
        made.add_argument("--pairs", type=int, default=pairs, help="pairs that are kept")
    made.add_argument("--quick", action="store_true", help="tiny sizes: does it work at all")
    made.add_argument(
        "--data-dir", type=Path, help="full datasets (default: CLFW_DATA_DIR, else the samples)"
    )
    made.add_argument("--json", type=Path, metavar="FILE", help="write the measurements there too")
    made.set_defaults(began=beginning())
    return made


def report(
    name: str,
    comparisons: Iterable[Comparison],
    options: argparse.Namespace,
    packages: Iterable[str] = (),
    remarks: Iterable[str] = (),
) -> None:
    """Print the table, and write the measurements where `--json` says; `--quick` has no goals.

    Args:
        packages: whose versions matter beside those that always do.
        remarks: lines that are said below the table.
    """
    if options.quick:
        comparisons = [replace(comparison, goal="") for comparison in comparisons]
    not_shown = ("json", "data_dir", "began")
    result = {
        "benchmark": name,
        "settings": {
            key: value
            for key, value in vars(options).items()
            if key not in not_shown and value not in (None, False)
        },
        "began": options.began,
        "machine": machine(),
        "versions": {package: version_of(package) for package in (*VERSIONS, *packages)},
        "comparisons": [asdict(comparison) for comparison in comparisons],
        "remarks": list(remarks),
    }
    print(markdown(result))
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def beginning() -> dict[str, Any]:
    """What is about to be measured, when, and how busy the machine is with other work."""
    date = time.strftime("%Y-%m-%d", time.gmtime())
    return {"commit": commit(), "date": date, "load": round(os.getloadavg()[0], 2)}


def commit() -> str:
    """The commit, with "-dirty" where code or registry differ from it; "" where git knows of none."""

    def git(*words: str) -> str:
        here = Path(__file__).parent
        done = subprocess.run(["git", *words], cwd=here, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    try:
        changed = git("status", "--porcelain", "--", ":/*.py", ":/*.toml")
        return git("rev-parse", "--short", "HEAD") + ("-dirty" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return ""


def machine() -> dict[str, Any]:
    """Where this was measured."""
    torch = sys.modules.get("torch")
    settings = ("OMP_NUM_THREADS", "GOMP_SPINCOUNT", "LD_PRELOAD")
    return {
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": torch.get_num_threads() if torch else None,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "environment": {key: os.environ[key] for key in settings if key in os.environ},
    }  # fmt: skip


def processor() -> str:
    """The processor's name, and whether it has AVX-512."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts = {
        key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)
    }
    wide = " with AVX-512" if "avx512f" in facts.get("flags", "").split() else ""
    return facts.get("model name", platform.machine()) + wide


def version_of(package: str) -> str:
    """The installed version, or "absent"."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "absent"


def markdown(result: dict[str, Any]) -> str:
    """The table of a benchmark's result, with where and with what it was measured."""
    began, where, versions = result["began"], result["machine"], result["versions"]
    at_commit = f" at {began['commit']}" if began["commit"] else ""
    threads = f", {where['threads']} threads" if where["threads"] else ""
    lines = [
        "| work | against | clfw | other | figure | median (lowest to highest) | pairs | goal |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    notes = []
    for values in result["comparisons"]:
        comparison = Comparison(**values)
        marks = ""
        for note in comparison.notes:
            if note not in notes:
                notes.append(note)
            marks += f" [{notes.index(note) + 1}]"
        lines.append(row(comparison, marks))
    settings = " ".join(option(key, value) for key, value in result["settings"].items())
    return "\n".join(
        [
            *lines,
            "",
            *(f"{number}. {note}" for number, note in enumerate(notes, 1)),
            *([""] if notes else []),
            *(f"{remark}\n" for remark in result["remarks"]),
            f"`{result['benchmark']}.py {settings}`{at_commit}, {began['date']}, on "
            f"{where['processor']}, {where['cores']} cores{threads}, {where['system']}, load "
            f"{began['load']} at the start; Python {where['python']}, "
            + ", ".join(f"{package} {version}" for package, version in versions.items()),
        ]
    )


def option(key: str, value: Any) -> str:
    """A setting as it is typed."""
    name = f"--{key.replace('_', '-')}"
    if value is True:
        return name
    return " ".join(f"{name} {item}" for item in (value if isinstance(value, list) else [value]))


def row(comparison: Comparison, marks: str) -> str:
    """One line of the table."""
    figures, unit = comparison.figures, comparison.unit
    is_ratio = comparison.form not in ("ours", "ours - theirs")
    median, least, most = statistics.median(figures), min(figures), max(figures)
    middle, low, high = (
        ratio(value) if is_ratio else written(value, unit) for value in (median, least, most)
    )
    tie = ", tie" if is_ratio and 1 / TIE < median < TIE and least <= 1 <= most else ""
    theirs = written(statistics.median(comparison.theirs), unit) if any(comparison.theirs) else ""
    cells = [
        comparison.work + marks,
        comparison.against,
        written(statistics.median(comparison.ours), unit),
        theirs,
        comparison.form,
        f"**{middle}** ({low} to {high}){tie}",
        str(len(figures)),
        comparison.verdict,
    ]
    return f"| {' | '.join(cells)} |"


def ratio(value: float) -> str:
    """A ratio to three digits or so, and to thousandths where they decide."""
    if value >= 10:
        return f"{value:.3g}"
    return f"{value:.3f}" if value < 2 else f"{value:.2f}"


def written(value: float, unit: str) -> str:
    """A measurement with its unit, to three digits or so."""
    if unit == "%":
        return f"{value:.2f} %"
    return f"{value:,.0f} {unit}" if abs(value) >= 100 else f"{value:.3g} {unit}"
