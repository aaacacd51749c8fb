"""Figures of a run: curves and confusion matrix, as PNG files."""

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from textwrap import wrap
from typing import Any

import cv2
import numpy as np

from clfw.api.reports import EpochReport, EvaluationPoint
from clfw.io.storage import write_atomically
from clfw.metrics.evaluation import Evaluation

DPI = 120
LETTER = 0.6  # width of a letter in units of its size, a little more than average
BLUE, ORANGE, GREEN, RED = "#3366aa", "#dd7722", "#338855", "#bb2233"
SPLIT_COLORS = {"validation": ORANGE, "test": GREEN}


@contextmanager
def own_settings() -> Iterator[None]:
    """Inside, figures are drawn by matplotlib's defaults, whatever a person has set for their own.

    `MPLBACKEND` may name a backend that is not installed here (every notebook sets it), on which
    importing matplotlib fails; a matplotlibrc may ask for LaTeX. Both are put back afterwards.
    """
    backend = os.environ.pop("MPLBACKEND", None)
    try:
        import matplotlib
    finally:
        if backend is not None:
            os.environ["MPLBACKEND"] = backend
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        yield
    if backend is not None:
        with suppress(ValueError):  # it is not installed here, and nobody draws with it
            matplotlib.rcParams["backend"] = backend


def save_figure(figure: Any, path: Path) -> None:
    """Write a matplotlib figure as PNG, atomically and without timestamps."""
    with warnings.catch_warnings():
        # A class name in a script that the font lacks is drawn as boxes; no warning needed.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.canvas.draw()  # once; matplotlib's own saving draws everything twice
    colors = np.asarray(figure.canvas.buffer_rgba())[..., :3]
    _, encoded = cv2.imencode(".png", cv2.cvtColor(colors, cv2.COLOR_RGB2BGR))
    write_atomically(path, encoded.tobytes())


def new_figure(width: float, height: float) -> Any:
    """An empty figure of a size in inches, without a window or global state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DPI)
    FigureCanvasAgg(figure)
    return figure


def title_of(model: str, data: str, source: str) -> str:
    """The title of a run's figures."""
    return f"{model} on {data} ({source})"


def wrapped(text: str, width: float, points: float) -> str:
    """`text` wrapped to lines that fit `width` inches at a size in points."""
    most = int(width / (points * LETTER / 72))
    return "\n".join(part for line in text.split("\n") for part in wrap(line, most) or [""])


def draw_curves(history: Sequence[EpochReport], title: str, per_epoch: int) -> Any:
    """Loss and accuracy by epoch: training batches, and each held-out split.

    Args:
        per_epoch: updates of a whole epoch, to place points within one.
    """
    figure, panels = two_panels(title)
    ends = [report.step / per_epoch for report in history]
    evaluated = [p for report in history for p in report.evaluations]
    for axes, field in zip(panels, ("loss", "accuracy"), strict=True):
        values = [getattr(report, field) for report in history]
        axes.plot(ends, values, "o-", color=BLUE, ms=3, label="training batches")
        add_splits(axes, evaluated, field, per_epoch)
        axes.set_xlim(0, ends[-1] * 1.03)
        label_axes(axes, "epoch", field, whole=ends[-1] >= 1)
    add_legend(figure)
    return figure


def two_panels(title: str) -> tuple[Any, Any]:
    """A figure with two axes side by side under a title, and room for a legend below them.

    Placed by hand, in inches: matplotlib's layout takes longer than drawing the figure.
    """
    width, left, between, right = 9.5, 0.95, 0.95, 0.15
    panel, bottom = 2.3, 0.85
    text = wrapped(title, width, 12)
    height = bottom + panel + 0.45 + 0.2 * (text.count("\n") + 1)
    figure = new_figure(width, height)
    figure.suptitle(text, parse_math=False, y=1 - 0.08 / height, va="top")
    figure.subplots_adjust(
        left=left / width,
        right=1 - right / width,
        bottom=bottom / height,
        top=(bottom + panel) / height,
        wspace=between / ((width - left - between - right) / 2),
    )
    return figure, figure.subplots(1, 2)


def add_splits(
    axes: Any, evaluated: Sequence[EvaluationPoint], field: str, per_unit: int = 1
) -> None:
    """A curve for each held-out split, in its own colour; `per_unit` updates per unit of x."""
    for split, color in SPLIT_COLORS.items():
        points = [p for p in evaluated if p.split == split]
        if points:
            x = [p.step / per_unit for p in points]
            axes.plot(x, [getattr(p, field) for p in points], "s-", color=color, ms=3, label=split)


def label_axes(axes: Any, by: str, field: str, *, whole: bool = True) -> None:
    """Title and labels of a panel of loss or accuracy; integer ticks on x if `whole`."""
    axes.set(xlabel=by, ylabel={"loss": "cross-entropy, nats"}.get(field, field), title=field)
    axes.xaxis.get_major_locator().set_params(integer=whole, min_n_ticks=1)
    axes.ticklabel_format(axis="y", scilimits=(-3, 5))  # to keep the numbers short
    axes.grid(alpha=0.3)


def add_legend(figure: Any) -> None:
    """One legend for all panels, below them, clear of the curves."""
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=len(labels))


def draw_confusion(evaluation: Evaluation, title: str) -> Any:
    """Rows are true classes, columns predicted ones; shaded by share of the row, with counts."""
    names = [figures.name for figures in evaluation.per_class]
    side = max(4.0, 1.8 + 0.5 * len(names))
    figure = new_figure(side + 1, side)
    figure.set_layout_engine("constrained")  # class names may be of any length
    axes = figure.subplots()
    counts = evaluation.confusion
    shares = [[c / max(1, sum(row)) for c in row] for row in counts]
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, ax=axes, label="share of the true class", shrink=0.8)
    ticks = range(len(names))
    axes.set_xticks(ticks, names, rotation=45, ha="right")
    axes.set_yticks(ticks, names)
    axes.set(xlabel="predicted", ylabel="true")
    axes.set_title(wrapped(title, side - 1, 12), parse_math=False)
    if len(names) <= 20:
        for i in ticks:
            for j in ticks:
                if counts[i][j]:
                    color = "white" if shares[i][j] > 0.5 else "black"
                    axes.text(j, i, counts[i][j], ha="center", va="center", size=8, color=color)
    return figure


def draw_steps(history: Sequence[EpochReport], title: str) -> Any:
    """Loss and accuracy by update: each batch as a dot, their running mean, held-out splits."""
    figure, panels = two_panels(title)
    steps = [step for report in history for step in report.steps]
    numbers = range(1, len(steps) + 1)
    evaluated = [p for report in history for p in report.evaluations]
    window = max(1, len(steps) // 50)
    for axes, column, field in zip(panels, (0, 1), ("loss", "accuracy"), strict=True):
        values = [step[column] for step in steps]
        if window == 1:
            axes.plot(numbers, values, ".-", color=BLUE, ms=4, label="training batches")
        else:
            axes.plot(numbers, values, ".", color=BLUE, ms=2, alpha=0.3, label="training batches")
            means = running_mean(values, window)
            axes.plot(numbers, means, color=BLUE, label=f"mean of {window} batches")
        add_splits(axes, evaluated, field)
        label_axes(axes, "update", field)
    add_legend(figure)
    return figure


def running_mean(values: Sequence[float], window: int) -> list[float]:
    """Mean of each value and the up to `window - 1` values before it."""
    means, total = [], 0.0
    for number, value in enumerate(values):
        total += value - (values[number - window] if number >= window else 0.0)
        means.append(total / min(number + 1, window))
    return means
