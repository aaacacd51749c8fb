"""`clfw eval`: figures of finished weights on a labelled split."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clfw.api.source import SPLITS
from clfw.cli.options import (
    Asked,
    complete,
    console,
    data_settings,
    json_option,
    on_bad_image_option,
    print_json,
    request_options,
)
from clfw.text import plural

if TYPE_CHECKING:
    from clfw.metrics.evaluation import Evaluation


@click.command("eval")
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--data",
    default="",
    shell_complete=complete("data"),
    help="Data entry; the one trained on if left out.",
)
@click.option("--split", type=click.Choice(SPLITS), default="validation", show_default=True)
@on_bad_image_option
@request_options
@json_option
@click.pass_obj
def evaluate(
    engine: Any,
    path: Path,
    data: str,
    split: str,
    on_bad_image: str | None,
    asked: Asked,
    as_json: bool,
) -> None:
    """Evaluate a run folder or weights file on a labeled split."""
    from clfw.runs.sessions import evaluate_weights

    request = asked.request(data, settings=data_settings(on_bad_image=on_bad_image))
    found = evaluate_weights(path, request, split, asked.environment(), console(), engine)
    evaluation, opened = found.evaluation, found.opened
    facts = {
        "data": found.data,
        "source": opened.source,
        "split": "all" if opened.whole else split,
        "bad_pictures": len(opened.bad),
    }
    if as_json:
        print_json({**facts, **evaluation.to_json()})
        return
    whole = ", all: the data has no splits" if opened.whole else ""
    click.echo(f"{found.data} ({opened.source}), {facts['split']}: {in_figures(evaluation)}{whole}")
    print_classes(evaluation)


def in_figures(evaluation: "Evaluation") -> str:
    """Accuracy with its interval, loss, calibration and count, in one line."""
    low, high = evaluation.interval
    return (
        f"accuracy {evaluation.accuracy:.2%} ({low:.2%} to {high:.2%}), "
        f"loss {evaluation.loss:.4f}, ECE {evaluation.ece:.4f}, "
        f"{plural(evaluation.count, 'picture')}"
    )


def print_classes(evaluation: "Evaluation") -> None:
    """A table with a row for each class; "-" where there is nothing to take a share of."""
    width = max(len(figures.name) for figures in evaluation.per_class)
    click.echo(f"{'class':<{width}}  precision  recall     F1  pictures")
    for c in evaluation.per_class:
        precision, recall, f1 = (
            "-" if share is None else f"{share:.2%}" for share in (c.precision, c.recall, c.f1)
        )
        click.echo(f"{c.name:<{width}}  {precision:>9}  {recall:>6}  {f1:>6}  {c.support:8,}")
