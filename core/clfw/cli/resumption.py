"""`clfw resume`: go on with a run that was stopped, killed, or is to last longer."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clfw.cli.options import (
    data_dir_option,
    json_option,
    load_catalog,
    lookup_options,
    print_json,
    say,
)
from clfw.cli.results import print_result
from clfw.io import text_files

if TYPE_CHECKING:
    from clfw.artifacts.recorded_run import RecordedRun
    from clfw.data.opening import DecodedImages


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
    """Go on with RUN from its latest checkpoint, to the bits an uninterrupted run would have had.

    \b
    clfw resume runs/fashion_cnn-fashion_csv-001
    clfw resume runs/fashion_cnn-fashion_csv-001 --epochs 40
    """
    from clfw.api import run_files
    from clfw.artifacts.recorded_run import read_run, recorded_observers, with_epochs
    from clfw.artifacts.weights_header import lost_weights
    from clfw.cli.progress import show_progress
    from clfw.config.data_folders import data_folder, require_named_folder
    from clfw.runs.loggers import check_loggers

    require_named_folder(data_dir)
    observers = recorded_observers(path)
    there = load_catalog(registry, disabled, observers)
    recorded = read_run(path, there.catalog, data_dir or data_folder(), disabled)
    recorded, note = with_epochs(recorded, epochs)
    finished = recorded.summary is not None
    lost = lost_weights(path) if finished else ""
    if finished and not lost:
        say(f"{path}: is finished already, nothing to do")
        print_json(recorded.summary)
        return
    if lost:
        say(f"warning: {lost}; it is written again from the last checkpoint")
    say_changes(recorded, observers)
    if note:
        say(note)
    plan = recorded.plan
    check_loggers(plan, "without it: --disable-plugin")
    pictures = same_pictures(path, recorded)

    import torch

    from clfw.runs.run import resume as resume_run
    from clfw.training.setup import Engine

    torch.set_num_threads(recorded.threads)
    longer = bool(note) and not finished
    result = resume_run(
        plan, pictures, engine or Engine(), path, longer, bool(lost), say, show_progress
    )
    if result is None:
        done = "its weights are there again" if lost else "is finished already, by another process"
        say(f"{path}: {done}")
        print_json(text_files.read_json(path / run_files.SUMMARY))
        return
    print_result(plan, result, as_json)


def say_changes(recorded: "RecordedRun", observers: Iterable[str]) -> None:
    """What is not as it was when the run began, a line each."""
    for change in recorded.changes:
        say(f"warning: {change}: the same bits are not promised")
    for name in sorted({*observers} - {plugin.name for plugin in recorded.plan.observers}):
        say(f"observer '{name}' is switched off: the run goes on without it")


def same_pictures(path: Path, recorded: "RecordedRun") -> "DecodedImages":
    """The pictures that the run was begun with; raises where they or their splits have changed."""
    from clfw.api.source import SPLITS
    from clfw.artifacts.recorded_run import require_same_data
    from clfw.cli.progress import show_progress
    from clfw.data.opening import decode_splits, open_data
    from clfw.data.split_file import require_same_split

    opened = open_data(recorded.plan.data)
    splits = tuple(split for split in SPLITS if opened.rows.labeled(split))
    pictures = decode_splits(opened, recorded.preprocess, splits, show_progress)
    require_same_data(recorded, pictures)
    require_same_split(path, pictures.rows)
    return pictures
