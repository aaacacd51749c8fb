"""One run from start to finish: the place that joins the rooms."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from clfw import runs
from clfw.errors import printable
from clfw.evaluation import Evaluation
from clfw.figures import draw_confusion, draw_curves, draw_steps, save_figure
from clfw.opening import Pictures, Progress
from clfw.plan import Plan, canonical_json
from clfw.source import SPLITS
from clfw.training import EpochReport, Job, Trained
from clfw.weights import save_weights
from clfw.weightsfile import FILE_NAME
from clfw.workbench import Seams, Workbench, set_up

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """A finished run."""

    folder: Path
    evaluations: dict[str, Evaluation]
    trained: Trained
    seconds: float
    images_per_second: float

    def to_json(self, plan: Plan) -> dict[str, Any]:
        """The object that `clfw run --json` prints and `summary.json` holds."""
        return {
            "run": str(self.folder),
            "model": plan.model.entry,
            "data": plan.data.choice.entry,
            "source": plan.data.source,
            "recipe": plan.recipe_name,
            "epochs": len(self.trained.history),
            "steps": self.trained.history[-1].step,
            "stopped": self.trained.stopped,
            "weights": {"which": self.trained.weights, "step": self.trained.step},
            **{name: evaluation.brief() for name, evaluation in self.evaluations.items()},
            "seconds": round(self.seconds, 3),
            "images_per_second": round(self.images_per_second, 1),
        }


def execute(
    plan: Plan, pictures: Pictures, seams: Seams, out: Path | None, say: Say, progress: Progress
) -> Result:
    """Train, evaluate and write the run folder. Nothing is on disk until the model has been tried."""
    start = time.perf_counter()
    bench = set_up(plan, pictures, seams, progress)
    name = f"{plan.model.entry}-{plan.data.choice.entry}"
    folder = runs.create_run_folder(out, name)
    write_start(folder, plan, pictures, bench)
    for line in header_lines(plan, pictures, bench, folder):
        say(line)
    held_out = [s for s in ("validation", "test") if s in bench.batches]
    if not plan.recipe.params.observe_test:
        held_out = [s for s in held_out if s != "test"]
    job = Job(
        model=bench.trained,
        training=bench.batches["train"],
        num_classes=bench.task.num_classes,
        augment=bench.augment,
        normalise=bench.normalise,
        recipe=plan.recipe.params,
        device=bench.device,
        held_out={s: lambda model, s=s: bench.evaluate(model, s) for s in held_out},  # type: ignore[misc]
        report=lambda report: note_epoch(folder, report, say),
        progress=progress,
    )
    trained = seams.trainer.fit(job)
    if trained.stopped:
        say(trained.stopped)
    return finish(plan, pictures, bench, folder, trained, start)


def write_start(folder: Path, plan: Plan, pictures: Pictures, bench: Workbench) -> None:
    """What is known before the first step."""
    table = pictures.rows.table
    runs.write_json(folder / runs.PLAN, plan.to_json())
    runs.write_json(folder / "environment.json", runs.environment(bench.device.facts()))
    runs.write_json(
        folder / "data.json",
        {
            "data": plan.data.choice.entry,
            "source": plan.data.source,
            "fingerprint": pictures.fingerprint,
            "rows": pictures.rows.counts(),
            "classes": list(pictures.rows.classes),
            "preprocess": pictures.preprocess.to_json(),
            "strays": list(table.strays),
        },
    )
    rows = zip(table.keys, pictures.rows.split.tolist(), strict=True)
    runs.write_csv(
        folder / "split.csv", ("key", "split"), ((key, SPLITS[split]) for key, split in rows)
    )


def header_lines(plan: Plan, pictures: Pictures, bench: Workbench, folder: Path) -> list[str]:
    """What is about to happen, and every choice made for the person with its reason."""
    count = sum(p.numel() for p in bench.model.parameters())
    counts = {s: n for s, n in pictures.rows.counts().items() if n}
    rows = ", ".join(
        f"{n:,} {s}{'' if pictures.rows.labelled(s) else ' (no labels)'}" for s, n in counts.items()
    )
    source = "full set" if plan.data.source == "full" else "bundled sample, not the full set"
    preprocess = pictures.preprocess
    kind = "grey" if preprocess.channels == 1 else "colour"
    strays = pictures.rows.table.strays
    lines = [
        f"model   {plan.model.entry}: {count:,} parameters, from {plan.model.plugin.origin}",
        f"data    {plan.data.choice.entry}: {source}; {rows}; {len(pictures.rows.classes)} classes; "
        f"{preprocess.height}x{preprocess.width} {kind}; "
        f"{'from the cache' if pictures.cached else 'decoded now'}",
        *(
            [f"strays  {len(strays)} files not used: {', '.join(printable(s, 60) for s in strays[:3])}"]
            if strays
            else []
        ),
        f"device  {'; '.join(f'{key} {value}' for key, value in bench.device.facts().items())}"[
            :400
        ],
        *(f"note    {note}" for note in bench.notes),
        f"run     {folder}",
    ]
    return lines


def note_epoch(folder: Path, report: EpochReport, say: Say) -> None:
    """One line to the person, one row to the metrics, one row an update to the steps."""
    row = canonical_json(report.to_json())
    runs.append_lines(folder / runs.METRICS, [row])
    first = report.step - len(report.steps) + 1
    header = [] if (folder / runs.STEPS).exists() else ["step,loss,accuracy,gradient_norm"]
    runs.append_lines(
        folder / runs.STEPS,
        [
            *header,
            *(f"{first + i},{a:.6g},{b:.6g},{c:.6g}" for i, (a, b, c) in enumerate(report.steps)),
        ],
    )
    held_out = "".join(
        f"  {p.split} loss {p.loss:.4f} accuracy {p.accuracy:.2%}"
        for p in report.evaluations[-2:]
        if p.step == report.step
    )
    say(
        f"epoch {report.epoch:>3}  loss {report.loss:.4f}  accuracy {report.accuracy:.2%}{held_out}"
        f"  lr {report.lr:.2g}  {report.seconds:.1f} s  {report.images_per_second:,.0f} images/s"
    )


def finish(
    plan: Plan, pictures: Pictures, bench: Workbench, folder: Path, trained: Trained, start: float
) -> Result:
    """Evaluate the chosen weights on every labelled split and write everything down."""
    evaluations = {}
    for split in bench.batches:
        logits = bench.logits(bench.trained, split)
        targets = bench.batches[split].targets.cpu()
        evaluations[split] = bench.evaluator.evaluate(logits, targets, bench.task.classes)
        if split != "train":
            write_predictions(folder / f"{split}.csv", pictures, split, logits)
    facts = describe_weights(plan, pictures, trained, evaluations)
    save_weights(folder / FILE_NAME, bench.model, facts)
    runs.write_json(
        folder / runs.EVALUATION, {name: e.to_json() for name, e in evaluations.items()}
    )
    title = f"{plan.model.entry} on {plan.data.choice.entry} ({plan.data.source})"
    save_figure(draw_curves(trained.history, title), folder / "curves.png")
    save_figure(draw_steps(trained.history, title), folder / "steps.png")
    shown = next(s for s in ("validation", "test", "train") if s in evaluations)
    save_figure(draw_confusion(evaluations[shown], f"{title}: {shown}"), folder / "confusion.png")
    training_seconds = sum(report.seconds for report in trained.history)
    images = sum(report.seconds * report.images_per_second for report in trained.history)
    result = Result(
        folder=folder,
        evaluations=evaluations,
        trained=trained,
        seconds=time.perf_counter() - start,
        images_per_second=images / training_seconds,
    )
    runs.write_json(folder / runs.SUMMARY, result.to_json(plan))
    return result


def write_predictions(path: Path, pictures: Pictures, split: str, logits: Tensor) -> None:
    """One row a picture: key, true class, predicted class, its probability, the loss (nats)."""
    rows = pictures.rows
    log_probabilities = logits.double().log_softmax(1)
    predicted = logits.argmax(1).tolist()
    best = log_probabilities.exp().max(1).values.tolist()
    table = []
    for position, row in enumerate(rows.of(split).tolist()):
        target = int(rows.targets[row])
        loss = -float(log_probabilities[position, target])
        table.append(
            (
                rows.table.keys[row],
                rows.classes[target],
                rows.classes[predicted[position]],
                f"{best[position]:.6f}",
                f"{loss:.6f}",
            )
        )
    runs.write_csv(path, ("key", "true", "predicted", "probability", "loss"), table)


def describe_weights(
    plan: Plan, pictures: Pictures, trained: Trained, evaluations: dict[str, Evaluation]
) -> dict[str, Any]:
    """The description inside the weights file: no time, host, path or speed, so equal runs agree."""
    return {
        "model": {
            "entry": plan.model.entry,
            "component": plan.model.component.name,
            "package": plan.model.plugin.package,
            "version": plan.model.plugin.version,
            "values": plan.model.params.model_dump(mode="json"),
        },
        "classes": list(pictures.rows.classes),
        "class_values": list(pictures.rows.class_values),
        "preprocess": pictures.preprocess.to_json(),
        "data": {
            "entry": plan.data.choice.entry,
            "source": plan.data.source,
            "fingerprint": pictures.fingerprint,
            "validation": plan.data.values.params.validation,
            "split_seed": plan.data.values.params.split_seed,
        },
        "recipe": plan.recipe.params.model_dump(mode="json"),
        "weights": {
            "which": trained.weights,
            "step": trained.step,
            "averaged": trained.averaged,
        },
        "metrics": {name: evaluation.brief() for name, evaluation in evaluations.items()},
        "versions": {"clfw": metadata.version("clfw"), "torch": torch.__version__},
    }
