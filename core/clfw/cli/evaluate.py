"""`clfw eval`: figures of finished weights on a labelled split."""

from pathlib import Path
from typing import Any

import click

from clfw.cli.options import (
    complete,
    data_dir_option,
    device_option,
    installed,
    json_option,
    lookup_options,
    print_json,
    say,
    settings_option,
)
from clfw.source import SPLITS


@click.command("eval")
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--data",
    default="",
    shell_complete=complete("data"),
    help="Data entry; the one trained on if left out.",
)
@click.option("--split", type=click.Choice(SPLITS), default="validation", show_default=True)
@settings_option
@device_option
@data_dir_option
@click.option("--require-full", is_flag=True, help="Refuse the bundled sample.")
@lookup_options
@json_option
@click.pass_obj
def evaluate(
    seams: Any,
    path: Path,
    data: str,
    split: str,
    settings: tuple[str, ...],
    device: str,
    data_dir: Path | None,
    require_full: bool,
    registry: Path | None,
    disabled: tuple[str, ...],
    as_json: bool,
) -> None:
    """Evaluate a run folder or weights file on a split of a dataset."""
    from clfw.cli.progress import show_progress
    from clfw.inference import open_split, other_source
    from clfw.plan import Request
    from clfw.weightsfile import find_weights, read_header

    there = installed(registry, disabled)
    header = read_header(find_weights(path))
    request = Request(
        data=data or str(header.facts["data"].get("entry", "")),
        settings=settings,
        device=device,
        data_folder=data_dir,
        require_full=require_full,
    )
    opened = open_split(header, request, there.catalog, there.registry, split, show_progress)
    opened.require_labels()
    if warning := other_source(header, opened.source):
        say(warning)

    from clfw.evaluating import evaluate_split
    from clfw.workbench import Seams

    evaluation = evaluate_split(header, opened, there.catalog, seams or Seams(), device)
    facts = {"data": request.data, "source": opened.source, "split": split}
    if as_json:
        print_json({**facts, **evaluation.to_json()})
        return
    low, high = evaluation.interval
    click.echo(
        f"{request.data} ({opened.source}), {split}: accuracy {evaluation.accuracy:.2%} "
        f"({low:.2%} to {high:.2%}), loss {evaluation.loss:.4f}, ECE {evaluation.ece:.4f}, "
        f"{evaluation.count:,} pictures"
    )
    width = max(len(figures.name) for figures in evaluation.per_class)
    click.echo(f"{'class':<{width}}  precision  recall     F1  pictures")
    for c in evaluation.per_class:
        click.echo(
            f"{c.name:<{width}}  {c.precision:9.2%}  {c.recall:6.2%}  {c.f1:6.2%}  {c.support:8,}"
        )
