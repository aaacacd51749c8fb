"""`clfw resume`: go on with a run that was stopped, killed, or is to last longer."""

from pathlib import Path
from typing import Any

import click

from clfw.cli.options import (
    console,
    data_dir_option,
    json_option,
    load_catalog,
    lookup_options,
    print_json,
)
from clfw.cli.results import print_result
from clfw.io.terminal import say


@click.command()
@click.argument("path", metavar="RUN", type=click.Path(path_type=Path))
@click.option("--epochs", type=click.IntRange(min=1), help="Make the run this long.")
@data_dir_option
@lookup_options
@json_option
@click.pass_obj
def resume(
    engine: Any,
    /,
    path: Path,
    epochs: int | None,
    data_dir: Path | None,
    registry: Path | None,
    disabled: tuple[str, ...],
    as_json: bool,
) -> None:
    """Continue RUN from its last checkpoint (bit-identical to a run that was never stopped).

    \b
    clfw resume runs/fashion_cnn-fashion_csv-001
    clfw resume runs/fashion_cnn-fashion_csv-001 --epochs 40
    """
    from clfw.artifacts.recorded_run import RunState, recorded_loggers
    from clfw.artifacts.weights_header import lost_weights
    from clfw.runs.sessions import reopen_run, resume_run, say_changes

    environment = load_catalog(registry, disabled, recorded_loggers(path))
    recorded = reopen_run(path, environment, data_dir, epochs)
    state = recorded.state
    if state is RunState.FINISHED:
        say(f"{path}: is finished already, nothing to do")
        print_json(recorded.summary)
        return
    if state is RunState.WEIGHTS_LOST:
        say(f"warning: {lost_weights(path)}; it is written again from the last checkpoint")
    say_changes(recorded, console())
    result = resume_run(recorded, console(), engine)
    if state is RunState.WEIGHTS_LOST:
        say(f"{path}: its weights are there again")
        print_json(result.to_json())
        return
    print_result(result, as_json)
