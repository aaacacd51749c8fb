"""The beginning of a run: what is written before the first step, and what the person is told."""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

from clfw.artifacts.weights import save_tensors
from clfw.audit.auditing import warnings_of
from clfw.audit.findings import Finding
from clfw.data.badpictures import bad_lines, in_short
from clfw.data.exclusion import list_of, write_list
from clfw.data.opening import Pictures, model_notes
from clfw.data.splitlist import write_split
from clfw.errors import counted, not_used, printable
from clfw.learning.workbench import Workbench
from clfw.plan import DataChoice, Plan
from clfw.runfolder import runs


def write_start(
    folder: Path, plan: Plan, pictures: Pictures, bench: Workbench, findings: Sequence[Finding]
) -> None:
    """What is known before the first step."""
    table = pictures.rows.table
    chosen = dict(bench.device.facts())
    runs.write_json(folder / runs.PLAN, {**plan.to_json(), "chosen": chosen})
    runs.write_json(folder / runs.ENVIRONMENT, runs.environment(chosen))
    if bench.trained is not bench.model:
        save_tensors(
            folder / runs.BACKBONE, bench.model.get_submodule("backbone")
        )  # so that a resume needs no other file
    runs.write_json(
        folder / runs.DATA,
        {
            "data": plan.data.choice.entry,
            "source": plan.data.source,
            "fingerprint": pictures.fingerprint,
            "rows": pictures.rows.counts(),
            "classes": list(pictures.rows.classes),
            "preprocess": pictures.preprocess.to_json(),
            "strays": list(table.strays),
            "excluded": len(pictures.rows.left_out),
            "findings": [finding.to_json(table) for finding in findings],
            "bad_pictures": len(pictures.rows.bad),
        },
    )
    write_split(folder, pictures.rows)
    if pictures.rows.left_out:
        write_list(folder / runs.EXCLUDED, list_of(table, pictures.rows.left_out))
    if pictures.rows.bad:
        write_list(folder / runs.BAD_PICTURES, list_of(table, pictures.rows.bad))


def header_lines(
    plan: Plan, pictures: Pictures, bench: Workbench, findings: Sequence[Finding]
) -> list[str]:
    """What is about to happen, and every choice made for the person with its reason."""
    count = sum(p.numel() for p in bench.model.parameters())
    trained = sum(p.numel() for p in bench.model.parameters() if p.requires_grad)
    share = f", {trained:,} of them trained" if trained < count else ""
    counts = {s: n for s, n in pictures.rows.counts().items() if n}
    values = plan.data.values.params
    rows = ", ".join(
        f"{n:,} {s}{'' if pictures.rows.labelled(s) else ' (no labels)'}" for s, n in counts.items()
    )
    if values.fold or values.stratify:
        rows += f", held out {'as fold ' + values.fold if values.fold else 'by share'}"
        rows += " of every class" if values.stratify else ""
    source = "full set" if plan.data.source == "full" else "bundled sample, not the full set"
    preprocess = pictures.preprocess
    kind = "grey" if preprocess.channels == 1 else "colour"
    strays = pictures.rows.table.strays
    lines = [
        f"model   {plan.model.entry}: {count:,} parameters{share}, from {plan.model.plugin.origin}",
        *model_notes(plan, preprocess),
        f"data    {plan.data.choice.entry}: {source}; {rows}; {len(pictures.rows.classes)} classes; "
        f"{preprocess.height}x{preprocess.width} {kind}; "
        f"{'from the cache' if pictures.cached else 'decoded now'}",
        *left_out_line(plan, pictures),
        *([f"bad     {in_short(bad)}"] if (bad := bad_lines(pictures.rows)) else []),
        *warnings_of(findings, words_for(plan.data)),
        *([f"strays  {not_used(strays)}"] if strays else []),
        f"device  {'; '.join(f'{key} {value}' for key, value in bench.device.facts().items())}"[
            :400
        ],
        *(f"note    {note}" for note in (*bench.notes, *unwatched(plan, pictures))),
    ]
    return lines


def unwatched(plan: Plan, pictures: Pictures) -> list[str]:
    """What follows where nothing is held out to watch the training by."""
    if pictures.rows.labelled("validation"):
        return []
    recipe = plan.recipe.params
    off = "the last weights are kept"
    off += ", and nothing stops training early" if recipe.patience else ""
    off += ", nor lowers the learning rate" if recipe.schedule == "plateau" else ""
    return [f"no validation split, so {off}; data.validation is the share held out"]


def words_for(data: DataChoice) -> str:
    """What names this data on a command line, with the values that were set there."""
    words = [str(data.path) if data.seen else data.choice.entry]
    for key, cell in data.to_json()["values"].items():
        value = cell["value"]
        text = value if isinstance(value, str) else json.dumps(value)
        words += ["--set", f"data.{key}={text}"] if cell["origin"] == "--set" else []
    return printable(shlex.join(words), 400)


def left_out_line(plan: Plan, pictures: Pictures) -> list[str]:
    """How many rows the run's exclude list keeps out, if it has one."""
    if not plan.data.values.params.exclude:
        return []
    rows, name = pictures.rows.left_out, printable(plan.data.values.params.exclude)
    return [f"exclude {counted(len(rows), 'row')} left out by {name}"]
