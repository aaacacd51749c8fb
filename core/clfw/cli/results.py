"""How a finished run is told to a person."""

from typing import TYPE_CHECKING

import click

from clfw.cli.options import print_json
from clfw.text import escape, plural

if TYPE_CHECKING:
    from clfw.config.plan import Plan
    from clfw.runs.end import Result


def print_result(plan: "Plan", result: "Result", as_json: bool) -> None:
    """The figures of the saved weights, which weights these are, and where they are."""
    if as_json:
        print_json(result.to_json(plan))
        return
    for split, evaluation in result.evaluations.items():
        low, high = evaluation.interval
        click.echo(
            f"{split} accuracy {evaluation.accuracy:.2%} ({low:.2%} to {high:.2%}), "
            f"loss {evaluation.loss:.4f}"
        )
    sample = "; bundled sample" if plan.data.source == "sample" else ""
    which = f"{result.trained.weights} weights, step {result.trained.step}"
    bad = f"; {plural(len(result.bad), 'picture')} left out, unreadable" if result.bad else ""
    click.echo(f"{escape(str(result.folder), 4096)}: {which}; {result.seconds:.1f} s{sample}{bad}")
