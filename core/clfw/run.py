"""One run from start to finish, or from a checkpoint on: the place that joins the rooms."""

import time
from functools import partial
from pathlib import Path

from clfw import storage
from clfw.audit.auditing import audit
from clfw.data.opening import Pictures, Progress
from clfw.interrupts import StopRequest
from clfw.learning.batches import updates_per_epoch
from clfw.learning.job import Say
from clfw.learning.keeping import RunKeeper, needed_room
from clfw.learning.record import EpochReport
from clfw.learning.stateparts import seed_generators
from clfw.learning.workbench import Seams, Workbench, on_features, set_up
from clfw.memory import memory_named
from clfw.observing import tell_observers
from clfw.plan import Plan
from clfw.runend import KEPT_WEIGHTS, Result, finish, keep_weights, save_again
from clfw.runfolder import runs
from clfw.runfolder.claim import Claim
from clfw.runfolder.resuming import device_change, resume_command, settled_values
from clfw.runstart import header_lines, write_start


def execute(
    plan: Plan, pictures: Pictures, seams: Seams, out: Path | None, say: Say, progress: Progress
) -> Result:
    """Train, evaluate and write the run folder. Nothing is on disk until the model has been tried."""
    start = time.perf_counter()
    with memory_named("before the first step", plan.recipe.params.batch_size):
        bench = set_up(plan, pictures, seams, None)
    findings = audit(pictures, progress, plan.data.choice.entry)
    for line in header_lines(plan, pictures, bench, findings):
        say(line)
    with memory_named("before the first step", plan.recipe.params.batch_size):
        bench = on_features(plan, pictures, bench, say, progress)
    begun = runs.begin_run_folder(out)
    try:
        room = needed_room(bench.trained, plan.recipe.params)
        storage.require_room(begun.parent, room, "the checkpoints")
        write_start(begun, plan, pictures, bench, findings)
        folder = runs.put_in_place(begun, out, f"{plan.model.entry}-{plan.data.choice.entry}")
    finally:
        if begun.exists():
            storage.try_remove(begun)
    with Claim(folder) as claim:
        say(f"run     {folder}")
        result = carry_on(plan, pictures, bench, seams, folder, claim, say, progress, start)
    assert result is not None, "a new run has no summary yet"
    return result


def resume(
    plan: Plan,
    pictures: Pictures,
    seams: Seams,
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
    with Claim(folder) as claim:
        if longer:
            (folder / runs.SUMMARY).unlink(missing_ok=True)
            chosen = runs.read_json(folder / runs.PLAN)["chosen"]
            runs.write_json(folder / runs.PLAN, {**plan.to_json(), "chosen": chosen})
        elif not lost and (folder / runs.SUMMARY).exists():
            return None  # another process has ended it meanwhile
        claim.require()
        storage.sweep(folder)
        storage.sweep(folder / KEPT_WEIGHTS)
        bench = set_up(plan, pictures, seams, folder)
        bench = on_features(plan, pictures, bench, say, progress)
        if change := device_change(folder, bench.device.facts()):
            say(f"warning: {change}: the same bits are not promised")
        return carry_on(plan, pictures, bench, seams, folder, claim, say, progress, start)


def carry_on(
    plan: Plan,
    pictures: Pictures,
    bench: Workbench,
    seams: Seams,
    folder: Path,
    claim: Claim,
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
        keeper = RunKeeper(
            folder,
            claim,
            stop,
            recipe.checkpoint_steps,
            recipe.checkpoint_seconds,
            settled_values(plan.to_json()),
            again,
            partial(tell_observers, plan, folder, say) if plan.observers else None,
            say,
        )
        report = partial(note_epoch, plan, pictures, bench, folder, keeper, say)
        watched = ("validation", "test") if recipe.observe_test else ("validation",)
        job = bench.job(recipe, keeper=keeper, report=report, progress=progress, watched=watched)
        seed_generators(recipe.seed)  # whether the model was built or restored
        with memory_named(str(folder), recipe.batch_size, f"free memory and {again}, or "):
            with keeper.last_rows():
                trained = seams.trainer.fit(job)
            per_epoch = updates_per_epoch(len(job.training), recipe.batch_size, recipe.accumulate)
            planned = recipe.steps or recipe.epochs * per_epoch
            if trained.stopped and trained.history[-1].step < planned:
                say(trained.stopped)
            claim.require()
            keeper.settle()
            stop.at_once = partial(keeper.stopped, "stopped after the last step")
            if stop.number:  # it came since the last checkpoint
                raise stop.at_once(stop.number)
            if (folder / runs.SUMMARY).exists():
                save_again(plan, pictures, bench, folder, claim, trained)
                return None
            return finish(plan, pictures, bench, folder, claim, trained, start)


def note_epoch(
    plan: Plan,
    pictures: Pictures,
    bench: Workbench,
    folder: Path,
    keeper: RunKeeper,
    say: Say,
    report: EpochReport,
) -> None:
    """One line to the person, one row to the metrics, one row an update to the steps."""
    keeper.note(report)
    every = plan.recipe.params.snapshot_epochs
    if every is not None and report.epoch % every == 0:
        keep_weights(folder, plan, pictures, bench, report)
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
