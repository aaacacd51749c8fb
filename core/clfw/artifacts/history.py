"""The history of a run on disk: one row per epoch in `metrics.jsonl`, per update in `steps.csv`."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import TypeAdapter

from clfw.api import run_files
from clfw.api.reports import EpochReport
from clfw.errors import DataError
from clfw.io import text_files
from clfw.io.json_text import canonical_json, strict_json
from clfw.text import escape

_REPORT = TypeAdapter(EpochReport)
COLUMNS = "step,loss,accuracy,gradient_norm"


def append_history(folder: Path, report: EpochReport) -> None:
    """Append an epoch to both files; nine digits represent every float32 exactly."""
    text_files.append_lines(folder / run_files.METRICS, [canonical_json(report.to_json())])
    append_steps(folder, report.step, report.steps)


def append_steps(folder: Path, step: int, rows: Sequence[tuple[float, float, float]]) -> None:
    """Append updates to `steps.csv`; the last is update `step`."""
    path = folder / run_files.STEPS
    lines = [] if path.exists() and path.stat().st_size else [COLUMNS]
    for number, (loss, accuracy, norm) in enumerate(rows, step - len(rows) + 1):
        lines.append(f"{number},{loss:.9g},{accuracy:.9g},{norm:.9g}")
    text_files.append_lines(path, lines)


def read_history(folder: Path) -> list[EpochReport]:
    """The epochs so far; raises `DataError` if the two files do not match."""
    try:
        metrics = (folder / run_files.METRICS).read_text(encoding="utf-8").splitlines()
        lines = (folder / run_files.STEPS).read_text(encoding="utf-8").splitlines()[1:]
        steps = [tuple(map(float, line.split(",")[1:])) for line in lines]
        history: list[EpochReport] = []
        done = 0
        for text in metrics:
            row = strict_json(text)
            row["steps"] = steps[done : row["step"]]
            history.append(_REPORT.validate_json(canonical_json(row)))
            if len(history[-1].steps) != row["step"] - done or row["seconds"] <= 0:
                raise ValueError(f"epoch {row['epoch']} does not match its updates")
            done = row["step"]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        reason = escape(" ".join(str(error).split()))
        raise DataError(f"{folder}: the history is damaged: {reason}") from None
    return history
