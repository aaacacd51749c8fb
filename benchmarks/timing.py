"""Timing by interleaved pairs, and the table and JSON that come of it. What is timed lives elsewhere."""

import argparse
import json
import os
import platform
import statistics
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """One row of a table: pairs of measurements, and the goal for the figure that each pair gives.

    Attributes:
        work, against: what was done, and by whom besides clfw.
        unit: of the measurements: "images/s", "s" or "MB".
        form: how a pair becomes a figure.
        ours, theirs: the measurements, pair by pair.
        notes: what must be known to read the row.
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

    @property
    def figures(self) -> list[float]:
        """One figure a pair."""
        pairs = zip(self.ours, self.theirs, strict=True)
        return [FIGURES[self.form](ours, theirs) for ours, theirs in pairs]

    @property
    def verdict(self) -> str:
        """The goal, and whether the median reaches it."""
        if not self.goal:
            return "none"
        figure = statistics.median(self.figures)
        met = figure >= self.target if self.goal == "at least" else figure <= self.target
        return f"{self.goal} {self.target:g}: {'met' if met else '**not met**'}"


def interleaved(
    ours: Callable[[], float], theirs: Callable[[], float], pairs: int
) -> tuple[list[float], list[float]]:
    """What both measure, in turn (A B A B ...); a first pair warms up and is not kept."""
    kept = [(ours(), theirs()) for _ in range(pairs + 1)][1:]
    return [a for a, _ in kept], [b for _, b in kept]


def parser(description: str, pairs: int = 5) -> argparse.ArgumentParser:
    """The options that every benchmark has."""
    made = argparse.ArgumentParser(description=description.partition("\n")[0])
    made.add_argument("--pairs", type=int, default=pairs, help="pairs that are kept")
    made.add_argument("--quick", action="store_true", help="tiny sizes: does it work at all")
    made.add_argument(
        "--data-dir", type=Path, help="full datasets (default: CLFW_DATA_DIR, else the samples)"
    )
    made.add_argument("--json", type=Path, metavar="FILE", help="write the measurements there too")
    return made


def report(
    name: str,
    comparisons: Iterable[Comparison],
    options: argparse.Namespace,
    packages: Iterable[str] = (),
    remarks: Iterable[str] = (),
) -> None:
    """Print the table, and write the measurements where `--json` says.

    Args:
        packages: whose versions matter beside those that always do.
        remarks: lines that are said below the table.
    """
    paths = ("json", "data_dir")
    result = {
        "benchmark": name,
        "settings": {
            key: value
            for key, value in vars(options).items()
            if key not in paths and value not in (None, False)
        },
        "machine": machine(),
        "versions": {package: version_of(package) for package in (*VERSIONS, *packages)},
        "comparisons": [asdict(comparison) for comparison in comparisons],
        "remarks": list(remarks),
    }
    print(markdown(result))
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def machine() -> dict[str, Any]:
    """Where this was measured, and how busy it was with other work."""
    torch = sys.modules.get("torch")
    settings = ("OMP_NUM_THREADS", "GOMP_SPINCOUNT", "LD_PRELOAD")
    return {
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": torch.get_num_threads() if torch else None,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2),
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
    where, versions = result["machine"], result["versions"]
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
            f"`{result['benchmark']}.py {settings}`, on {where['processor']}, {where['cores']} cores"
            f"{threads}, {where['system']}, load {where['load']} at the end; Python {where['python']}, "
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
    difference = comparison.form in ("ours", "ours - theirs")
    shown = [statistics.median(figures), min(figures), max(figures)]
    middle, low, high = (
        written(value, unit) if difference else f"{value:.3g}" if value >= 10 else f"{value:.2f}"
        for value in shown
    )
    theirs = written(statistics.median(comparison.theirs), unit) if any(comparison.theirs) else ""
    cells = [
        comparison.work + marks,
        comparison.against,
        written(statistics.median(comparison.ours), unit),
        theirs,
        comparison.form,
        f"**{middle}** ({low} to {high})",
        str(len(figures)),
        comparison.verdict,
    ]
    return f"| {' | '.join(cells)} |"


def written(value: float, unit: str) -> str:
    """A measurement with its unit, to three digits or so."""
    return f"{value:,.0f} {unit}" if abs(value) >= 100 else f"{value:.3g} {unit}"
