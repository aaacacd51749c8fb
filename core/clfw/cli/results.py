"""How a finished run is told to a person."""

import shlex
from typing import TYPE_CHECKING

import click

from clfw.cli.options import print_json
from clfw.io.terminal import say
from clfw.text import escape, plural

if TYPE_CHECKING:
    from clfw.runs.results import Result


def print_result(result: "Result", as_json: bool) -> None:
    """The figures of the saved weights, which weights these are, and where they are."""
    if as_json:
        print_json(result.to_json())
        return
    for split, evaluation in result.evaluations.items():
        low, high = evaluation.interval
        click.echo(
            f"{split} accuracy {evaluation.accuracy:.2%} ({low:.2%} to {high:.2%}), "
            f"loss {evaluation.loss:.4f}"
        )
    summary = result.summary
    which = f"{summary['weights']['which']} weights, step {summary['weights']['step']}"
    sample = "; bundled sample" if summary["source"] == "sample" else ""
    bad = summary["bad_pictures"]
    left_out = f"; {plural(bad, 'picture')} left out, unreadable" if bad else ""
    where = escape(str(result.folder), 4096)
    click.echo(f"{where}: {which}; {summary['seconds']:.1f} s{sample}{left_out}")
    run = shlex.quote(str(result.folder))
    if (result.folder / "mistakes.png").exists():
        say(f"next    pictures of the worst mistakes: {where}/mistakes.png")
    say(f"next    clfw predict {run} PICTURE...   or   clfw eval {run} --data DATA")
