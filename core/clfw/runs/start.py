"""The beginning of a run: what is written before the first step, and what the person is told."""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

from clfw.api import run_files
from clfw.artifacts import run_folder
from clfw.audit.findings import Finding
from clfw.audit.quick_check import warnings_of
from clfw.config.data_choice import DataChoice
from clfw.config.plan import Plan
from clfw.data.exclusion import exclude_lines, write_list
from clfw.data.negotiation import model_notes
from clfw.data.opening import DecodedImages
from clfw.data.split_file import write_split
from clfw.data.undecodable import bad_lines, undecodable_summary
from clfw.io import storage, text_files
from clfw.models.weights_io import save_tensors
from clfw.runs.assembly import Assembly
from clfw.text import escape, plural, unused_files_line
from clfw.training.checkpointing import needed_space


def create_folder(run: Assembly, out: Path | None, findings: Sequence[Finding]) -> Path:
    """The run folder, with what is known before the first step; there whole or not at all.

    Raises:
        OutputError: `out` is there already, or its parent cannot be written.
        StorageError: the disk has no room for the checkpoints.
    """
    begun = run_folder.begin_run_folder(out)
    try:
        room = needed_space(run.setup.trained, run.recipe)
        storage.require_free_space(begun.parent, room, "the checkpoints")
        write_start(begun, run, findings)
        return run_folder.put_in_place(begun, out, f"{run.plan.model.entry}-{run.plan.data.entry}")
    finally:
        if begun.exists():
            storage.try_remove(begun)


def write_start(folder: Path, run: Assembly, findings: Sequence[Finding]) -> None:
    """What is known before the first step."""
    plan, pictures, setup = run.plan, run.images, run.setup
    table = pictures.rows.table
    chosen = dict(setup.device.facts())
    text_files.write_json(folder / run_files.PLAN, {**plan.to_json(), "chosen": chosen})
    text_files.write_json(folder / run_files.ENVIRONMENT, run_folder.environment(chosen))
    if setup.trained is not setup.model:
        save_tensors(
            folder / run_files.BACKBONE, setup.model.get_submodule("backbone")
        )  # so that a resume needs no other file
    text_files.write_json(
        folder / run_files.DATA,
        {
            "data": plan.data.entry,
            "source": plan.data.source,
            "fingerprint": pictures.fingerprint,
            "rows": pictures.rows.counts(),
            "classes": list(pictures.rows.classes),
            "preprocess": pictures.preprocess.to_json(),
            "strays": list(table.unused_files),
            "excluded": len(pictures.rows.left_out),
            "findings": [finding.to_json(table) for finding in findings],
            "bad_pictures": len(pictures.rows.bad),
        },
    )
    write_split(folder, pictures.rows)
    if pictures.rows.left_out:
        write_list(folder / run_files.EXCLUDED, exclude_lines(table, pictures.rows.left_out))
    if pictures.rows.bad:
        write_list(folder / run_files.BAD_PICTURES, exclude_lines(table, pictures.rows.bad))


def header_lines(run: Assembly, findings: Sequence[Finding]) -> list[str]:
    """What is about to happen, and every choice made for the person with its reason."""
    plan, pictures, setup = run.plan, run.images, run.setup
    count = sum(p.numel() for p in setup.model.parameters())
    trained = sum(p.numel() for p in setup.model.parameters() if p.requires_grad)
    share = f", {trained:,} of them trained" if trained < count else ""
    counts = {s: n for s, n in pictures.rows.counts().items() if n}
    rows = ", ".join(
        f"{n:,} {s}{'' if pictures.rows.labeled(s) else ' (no labels)'}" for s, n in counts.items()
    )
    if rule := split_rule(pictures, plan):
        rows += f" ({rule})"
    source = "full set" if plan.data.source == "full" else "bundled sample, not the full set"
    preprocess = pictures.preprocess
    kind = "grey" if preprocess.channels == 1 else "colour"
    strays = pictures.rows.table.unused_files
    lines = [
        f"model   {plan.model.entry}: {count:,} parameters{share}, from {plan.model.plugin.origin}",
        *model_notes(plan, preprocess),
        f"data    {plan.data.entry}: {source}; {rows}; {len(pictures.rows.classes)} classes; "
        f"{preprocess.height}x{preprocess.width} {kind}; "
        f"{'from the cache' if pictures.cached else 'decoded now'}",
        train_line(plan),
        *left_out_line(plan, pictures),
        *([f"bad     {undecodable_summary(bad)}"] if (bad := bad_lines(pictures.rows)) else []),
        *warnings_of(findings, words_for(plan.data)),
        *([f"files   {unused_files_line(strays)}"] if strays else []),
        f"device  {'; '.join(f'{key} {value}' for key, value in setup.device.facts().items())}"[
            :400
        ],
        *(f"note    {note}" for note in (*setup.notes, *unwatched(plan, pictures))),
    ]
    return lines


def train_line(plan: Plan) -> str:
    """How the model is trained: length, batches, optimizer, rate, schedule, augmentation."""
    recipe = plan.recipe.params
    length = plural(recipe.steps, "update") if recipe.steps else plural(recipe.epochs, "epoch")
    batch = "the whole split" if recipe.batch_size == "full" else str(recipe.batch_size)
    augment = ", ".join(part.entry for part in plan.augment) or "none"
    return (
        f"train   {length}; batches of {batch}; {recipe.optimizer}, lr {recipe.lr:g}, "
        f"{recipe.schedule} schedule; augmentation: {augment}"
    )


def split_rule(pictures: DecodedImages, plan: Plan) -> str:
    """How the validation rows were chosen; "" where the data says them, or there are none."""
    values, rows = plan.data.common, pictures.rows
    if "validation" in rows.table.splits or not rows.counts().get("validation"):
        return ""
    share = f"fold {values.fold}" if values.fold else f"{values.validation:.0%} of the rows"
    if values.stratify:
        return f"{share} held out, stratified by class"
    what = "groups" if len(rows.table.groups) else "names"
    return f"{share} held out, chosen by a hash of their {what}"


def unwatched(plan: Plan, pictures: DecodedImages) -> list[str]:
    """What follows where nothing is held out to watch the training by."""
    if pictures.rows.labeled("validation"):
        return []
    recipe = plan.recipe.params
    off = "the last weights are kept"
    off += ", and nothing stops training early" if recipe.patience else ""
    off += ", nor lowers the learning rate" if recipe.schedule == "plateau" else ""
    return [f"no validation split, so {off}; data.validation is the share held out"]


def words_for(data: DataChoice) -> str:
    """What names this data on a command line, with the values that were set there."""
    words = [str(data.path) if data.seen else data.entry]
    for key, cell in data.to_json()["values"].items():
        value = cell["value"]
        text = value if isinstance(value, str) else json.dumps(value)
        words += ["--set", f"data.{key}={text}"] if cell["origin"] == "--set" else []
    return escape(shlex.join(words), 400)


def left_out_line(plan: Plan, pictures: DecodedImages) -> list[str]:
    """How many rows the run's exclude list keeps out, if it has one."""
    if not plan.data.common.exclude:
        return []
    rows, name = pictures.rows.left_out, escape(plan.data.common.exclude)
    return [f"exclude {plural(len(rows), 'row')} left out by {name}"]
