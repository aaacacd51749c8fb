"""One run from start to finish, or from a checkpoint on: the place that joins the rooms."""

import time
from functools import partial
from pathlib import Path

from clfw.api import run_files
from clfw.api.reports import EpochReport
from clfw.artifacts import run_folder
from clfw.artifacts.recorded_run import device_change, frozen_values, resume_command
from clfw.artifacts.run_lock import RunLock
from clfw.audit.quick_check import quick_check
from clfw.config.plan import Plan
from clfw.data.opening import DecodedImages
from clfw.io import storage, text_files
from clfw.io.interrupts import StopRequest
from clfw.io.memory import reporting_out_of_memory
from clfw.io.progress import Progress
from clfw.models.batches import updates_per_epoch
from clfw.runs.end import KEPT_WEIGHTS, Result, finish, keep_weights, save_again
from clfw.runs.loggers import notify_loggers
from clfw.runs.start import header_lines, write_start
from clfw.training.checkpointing import CheckpointManager, needed_space
from clfw.training.protocols import Say
from clfw.training.setup import Engine, TrainingSetup, on_features, prepare_training
from clfw.training.state_schema import seed_generators


def execute(
    plan: Plan,
    pictures: DecodedImages,
    engine: Engine,
    out: Path | None,
    say: Say,
    progress: Progress,
) -> Result:
    """Train, evaluate and write the run folder. Nothing is on disk until the model has been tried."""
    start = time.perf_counter()
    with reporting_out_of_memory("before the first step", plan.recipe.params.batch_size):
        setup = prepare_training(plan, pictures, engine, None)
    findings = quick_check(pictures, progress, plan.data.entry)
    for line in header_lines(plan, pictures, setup, findings):
        say(line)
    with reporting_out_of_memory("before the first step", plan.recipe.params.batch_size):
        setup = on_features(plan, pictures, setup, say, progress)
    begun = run_folder.begin_run_folder(out)
    try:
        room = needed_space(setup.trained, plan.recipe.params)
        storage.require_free_space(begun.parent, room, "the checkpoints")
        write_start(begun, plan, pictures, setup, findings)
        folder = run_folder.put_in_place(begun, out, f"{plan.model.entry}-{plan.data.entry}")
    finally:
        if begun.exists():
            storage.try_remove(begun)
    with RunLock(folder) as lock:
        say(f"run     {folder}")
        result = carry_on(plan, pictures, setup, engine, folder, lock, say, progress, start)
    assert result is not None, "a new run has no summary yet"
    return result


def resume(
    plan: Plan,
    pictures: DecodedImages,
    engine: Engine,
    folder: Path,
    longer: bool,
    lost: bool,
    say: Say,
    progress: Progress,
) -> Result | None:
    """Go on with a run from its latest checkpoint; it ends with the bits it would have had.

    A finished one is gone on with where it is to be `longer`; else None, once its weights file has
    been written again where that is `lost`.
    """
    start = time.perf_counter()
    with RunLock(folder) as lock:
        if longer:
            (folder / run_files.SUMMARY).unlink(missing_ok=True)
            chosen = text_files.read_json(folder / run_files.PLAN)["chosen"]
            text_files.write_json(folder / run_files.PLAN, {**plan.to_json(), "chosen": chosen})
        elif not lost and (folder / run_files.SUMMARY).exists():
            return None  # another process has ended it meanwhile
        lock.check()
        storage.remove_temporaries(folder)
        storage.remove_temporaries(folder / KEPT_WEIGHTS)
        setup = prepare_training(plan, pictures, engine, folder)
        setup = on_features(plan, pictures, setup, say, progress)
        if change := device_change(folder, setup.device.facts()):
            say(f"warning: {change}: the same bits are not promised")
        return carry_on(plan, pictures, setup, engine, folder, lock, say, progress, start)


def carry_on(
    plan: Plan,
    pictures: DecodedImages,
    setup: TrainingSetup,
    engine: Engine,
    folder: Path,
    lock: RunLock,
    say: Say,
    progress: Progress,
    start: float,
) -> Result | None:
    """Train to the end, with the state kept on the way, and write the results.

    None for a run that has them all but the weights, which are written again.
    """
    recipe = plan.recipe.params
    again = resume_command(plan, folder)
    with StopRequest(again) as stop:
        checkpointer = CheckpointManager(
            folder,
            lock,
            stop,
            recipe.checkpoint_steps,
            recipe.checkpoint_seconds,
            frozen_values(plan.to_json()),
            again,
            partial(notify_loggers, plan, folder, say) if plan.observers else None,
            say,
        )
        report = partial(note_epoch, plan, pictures, setup, folder, checkpointer, say)
        watched = ("validation", "test") if recipe.observe_test else ("validation",)
        job = setup.job(
            recipe, checkpointer=checkpointer, report=report, progress=progress, watched=watched
        )
        seed_generators(recipe.seed)  # whether the model was built or restored
        with reporting_out_of_memory(
            str(folder), recipe.batch_size, f"free memory and {again}, or "
        ):
            with checkpointer.flush_on_divergence():
                trained = engine.trainer.fit(job)
            per_epoch = updates_per_epoch(len(job.training), recipe.batch_size, recipe.accumulate)
            planned = recipe.steps or recipe.epochs * per_epoch
            if trained.stopped and trained.history[-1].step < planned:
                say(trained.stopped)
            lock.check()
            checkpointer.truncate_logs()
            stop.at_once = partial(checkpointer.stopped, "stopped after the last step")
            if stop.number:  # it came since the last checkpoint
                raise stop.at_once(stop.number)
            if (folder / run_files.SUMMARY).exists():
                save_again(plan, pictures, setup, folder, lock, trained)
                return None
            return finish(plan, pictures, setup, folder, lock, trained, start)


def note_epoch(
    plan: Plan,
    pictures: DecodedImages,
    setup: TrainingSetup,
    folder: Path,
    checkpointer: CheckpointManager,
    say: Say,
    report: EpochReport,
) -> None:
    """One line to the person, one row to the metrics, one row an update to the steps."""
    checkpointer.log_epoch(report)
    every = plan.recipe.params.snapshot_epochs
    if every is not None and report.epoch % every == 0:
        keep_weights(folder, plan, pictures, setup, report)
    latest = {p.split: p for p in report.evaluations}
    held_out = "".join(
        f"  {p.split} loss {p.loss:.4f} accuracy {p.accuracy:.2%}"
        + (f" (step {p.step})" if p.step < report.step else "")
        for p in latest.values()
    )
    say(
        f"epoch {report.epoch:>3}  loss {report.loss:.4f}  accuracy {report.accuracy:.2%}{held_out}"
        f"  lr {report.lr:.2g}  {report.seconds:.1f} s  {report.images_per_second:,.0f} images/s"
    )
