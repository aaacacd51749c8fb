"""From what a person asks for to a finished run: a new one, or one that goes on.

Everything about names, values and data is settled before torch is imported, so a mistake in them
costs no time and changes nothing on disk.
"""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from clfw.api import run_files
from clfw.api.source import SPLITS
from clfw.artifacts.recorded_run import (
    RecordedRun,
    RunState,
    device_change,
    read_run,
    recorded_loggers,
    require_same_data,
    with_epochs,
)
from clfw.artifacts.run_folder import refuse_links, separate
from clfw.artifacts.weights_header import find_weights, read_header
from clfw.catalog.environment import Environment
from clfw.config.data_choice import Request
from clfw.config.data_folders import data_folder, require_named_folder
from clfw.config.plan import Plan, resolve_plan
from clfw.config.recipe import for_classes
from clfw.data.image_survey import survey_images
from clfw.data.negotiation import negotiate_preprocess, require_weights
from clfw.data.opening import DecodedImages, decode_splits, open_data
from clfw.data.rows import refuse_untrainable
from clfw.data.split_file import require_same_split
from clfw.inference.inputs import OpenedPictures, data_for
from clfw.inference.split import open_split_and_report
from clfw.io import storage, text_files
from clfw.io.progress import Console
from clfw.io.storage import require_creatable
from clfw.runs.loggers import check_loggers
from clfw.text import detected_line

if TYPE_CHECKING:
    from clfw.metrics.evaluation import Evaluation
    from clfw.runs.results import Result
    from clfw.runs.run import Run
    from clfw.training.setup import Engine


def train_run(
    request: Request, environment: Environment, console: Console, engine: "Engine | None" = None
) -> "Result":
    """Train a new run to its end.

    Raises:
        ClfwError: of every kind; see the table of exit codes.
    """
    plan, images = open_request(request, environment, console)

    from clfw.artifacts.run_lock import RunLock
    from clfw.audit.quick_check import quick_check
    from clfw.runs.assembly import assemble
    from clfw.runs.run import Run
    from clfw.runs.start import create_folder, header_lines
    from clfw.training.autotune import autotuned
    from clfw.training.setup import Engine

    engine = engine or Engine()
    if request.autotune:
        plan = autotuned(plan, images, engine, console.say)
    started = time.perf_counter()
    assembly = assemble(plan, images, engine, console)
    findings = quick_check(images, console.progress, plan.data.entry)
    for line in header_lines(assembly, findings):
        console.say(line)
    assembly = assembly.on_features()
    folder = create_folder(assembly, request.out, findings)
    with RunLock(folder) as lock:
        console.say(f"run     {folder}")
        result = complete(Run.of(assembly, folder, lock, started))
    return result


def resume_run(recorded: RecordedRun, console: Console, engine: "Engine | None" = None) -> "Result":
    """Go on with a run from its latest checkpoint; it ends with the bits it would have had.

    A finished run is left as it is, but for its weights file, which is written again where it is lost.

    Raises:
        DataError: the data, the plan or a checkpoint is not what it was.
        OutputError: another process holds the run.
        ClfwError: whatever a new run may raise.
    """
    from clfw.runs.results import read_result

    if recorded.state is RunState.FINISHED:
        return read_result(recorded.folder)
    plan, folder = recorded.plan, recorded.folder
    check_loggers(plan, "without it: --disable-plugin")
    images = reopen_images(recorded, console)

    import torch

    from clfw.artifacts.run_lock import RunLock
    from clfw.runs.assembly import assemble
    from clfw.runs.end import KEPT_WEIGHTS
    from clfw.runs.run import Run
    from clfw.training.setup import Engine

    refuse_links(folder)
    separate(folder / ".lock")
    torch.set_num_threads(recorded.threads)  # a sum's order, and so its bits, depend on it
    started = time.perf_counter()
    with RunLock(folder) as lock:
        if recorded.extended and recorded.state is RunState.UNFINISHED:
            lengthen(folder, plan)
        elif recorded.state is RunState.UNFINISHED and (folder / run_files.SUMMARY).exists():
            console.say(f"{folder}: is finished already, by another process")
            return read_result(folder)
        lock.check()
        for name in (run_files.METRICS, run_files.STEPS):
            separate(folder / name)
        storage.remove_temporaries(folder)
        storage.remove_temporaries(folder / KEPT_WEIGHTS)
        assembly = assemble(plan, images, engine or Engine(), console, folder).on_features()
        if change := device_change(folder, assembly.setup.device.facts()):
            console.say(f"warning: {change}: the same bits are not promised")
        return complete(Run.of(assembly, folder, lock, started))


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluatedSplit:
    """Figures of finished weights on a split, and which pictures those were."""

    evaluation: "Evaluation"
    data: str
    opened: OpenedPictures


def evaluate_weights(
    weights: Path,
    request: Request,
    split: str,
    environment: Environment,
    console: Console,
    engine: "Engine | None" = None,
) -> EvaluatedSplit:
    """Figures of a run folder or weights file on a labeled split of the requested data.

    Raises:
        ClfwError: whatever `clfw eval` prints.
    """
    catalog = environment.catalog
    header = read_header(find_weights(weights))
    entry = data_for(header, request, catalog, environment.registry)
    opened = open_split_and_report(header, entry, request, catalog, split, console)

    from clfw.runs.predicting import evaluate_split
    from clfw.training.setup import Engine

    engine = engine or Engine()
    evaluation = evaluate_split(header, opened, catalog, engine, request.device)
    return EvaluatedSplit(evaluation=evaluation, data=entry.name, opened=opened)


def complete(run: "Run") -> "Result":
    """Train to the end, with the state kept on the way, and write the results.

    A run that has them all but the weights gets those alone.
    """
    from functools import partial

    from clfw.io.interrupts import StopRequest
    from clfw.runs.end import finish, keep_weights, save_again
    from clfw.runs.results import read_result

    with StopRequest(run.resume_command) as stop:
        (phase,) = run.phases
        checkpoints = run.checkpoints(stop, phase)
        result = run.fit(checkpoints, partial(keep_weights, run))
        run.lock.check()
        checkpoints.truncate_logs()
        stop.at_once = partial(checkpoints.stopped, "stopped after the last step")
        if stop.number:  # it came since the last checkpoint
            raise stop.at_once(stop.number)
        if run.is_finished:
            save_again(run, result)
            return read_result(run.folder)
        return finish(run, result)


def open_request(
    request: Request, environment: Environment, console: Console
) -> tuple[Plan, DecodedImages]:
    """The plan of a new run and its decoded pictures; every mistake of a person is met here."""
    plan = resolve_plan(request, environment.catalog, environment.registry)
    if plan.data.seen:
        console.say(detected_line(request.data, plan.data.seen, plan.data.component.name))
    require_creatable(request.out)
    check_loggers(plan, "leave out --logger")
    opened = open_data(plan.data)
    refuse_untrainable(opened.rows)
    plan = replace(plan, recipe=for_classes(plan.recipe, opened.rows.classes))
    survey = survey_images(opened)
    plan, preprocess = negotiate_preprocess(plan, opened, environment.catalog, survey)
    if plan.data.common.image_size is None:
        for line in survey.notes(preprocess):
            console.say(line)
    require_weights(plan, environment.registry)
    splits = tuple(split for split in SPLITS if opened.rows.labeled(split))
    return plan, decode_splits(opened, preprocess, splits, console.progress)


def reopen_run(
    folder: Path, environment: Environment, data_dir: Path | None, epochs: int | None
) -> RecordedRun:
    """A run as its folder records it, with `epochs` in all where that is given.

    Raises:
        InputMissing, DataError: no run folder, or a damaged one.
        PluginError: a component is no longer installed.
        UsageError: the run cannot be made so long.
    """
    require_named_folder(data_dir)
    recorded = read_run(
        folder, environment.catalog, data_dir or data_folder(), environment.disabled
    )
    return with_epochs(recorded, epochs)


def reopen_images(recorded: RecordedRun, console: Console) -> DecodedImages:
    """The pictures that the run was begun with; raises where they or their splits have changed."""
    opened = open_data(recorded.plan.data)
    splits = tuple(split for split in SPLITS if opened.rows.labeled(split))
    images = decode_splits(opened, recorded.preprocess, splits, console.progress)
    require_same_data(recorded, images)
    require_same_split(recorded.folder, images.rows)
    return images


def say_changes(recorded: RecordedRun, console: Console) -> None:
    """What is not as it was when the run began, a line each."""
    for change in recorded.changes:
        console.say(f"warning: {change}: the same bits are not promised")
    present = {plugin.name for plugin in recorded.plan.loggers}
    for name in sorted({*recorded_loggers(recorded.folder)} - present):
        console.say(f"logger '{name}' is switched off: the run goes on without it")
    if recorded.extended:
        console.say(recorded.extended)


def lengthen(folder: Path, plan: Plan) -> None:
    """Write the plan of a run that is to last longer; its summary is no longer true."""
    (folder / run_files.SUMMARY).unlink(missing_ok=True)
    chosen = text_files.read_json(folder / run_files.PLAN)["chosen"]
    text_files.write_json(folder / run_files.PLAN, {**plan.to_json(), "chosen": chosen})
