"""The end of a run: evaluation of the chosen weights, the weights file, tables and pictures."""

import secrets
from collections.abc import Callable, Mapping
from importlib import metadata
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from clfw.api import run_files
from clfw.api.reports import EpochReport
from clfw.artifacts.weights_header import FILE_NAME
from clfw.config.data_params import DataParams
from clfw.data.undecodable import bad_lines
from clfw.io import storage, text_files
from clfw.metrics.evaluation import Evaluation
from clfw.metrics.labeled_logits import LabeledLogits
from clfw.metrics.objective import objective_of
from clfw.models.batches import updates_per_epoch
from clfw.models.weights_io import save_weights
from clfw.plots.figures import (
    draw_confusion,
    draw_curves,
    draw_steps,
    own_settings,
    save_figure,
    title_of,
)
from clfw.plots.filters import convolutions, draw_filters, find_convolution
from clfw.plots.prediction_grids import PREFERRED, Predictions, draw_mistakes, draw_predictions
from clfw.plots.samples import SOURCES, draw_samples, first_decoded
from clfw.runs.results import Result
from clfw.runs.run import Run
from clfw.text import escape
from clfw.training.protocols import FitResult
from clfw.training.setup import TrainingSetup

KEPT_WEIGHTS = "weights"  # the folder of the weights that are kept on the way


def finish(run: Run, result: FitResult) -> Result:
    """Evaluate the kept weights on every labelled split and write everything down."""
    evaluations, all_logits = evaluate_splits(run.setup)
    for split, logits in all_logits.items():
        if split != "train":
            write_predictions(run, split, logits)
    save_chosen(run, result, evaluations)
    run.write_json(run_files.EVALUATION, {name: e.to_json() for name, e in evaluations.items()})
    draw_pictures(run, result, evaluations, all_logits)
    summary = summarize(run, result, evaluations)
    run.write_json(run_files.SUMMARY, summary)
    run.lock.check()  # who claims the folder after this finds the run finished
    return Result(folder=run.folder, summary=summary, evaluations=evaluations)


def summarize(run: Run, result: FitResult, evaluations: Mapping[str, Evaluation]) -> dict[str, Any]:
    """The content of `summary.json`."""
    training_seconds = sum(report.seconds for report in result.history)
    count = sum(report.seconds * report.images_per_second for report in result.history)
    return {
        "run": str(run.folder),
        "model": run.plan.model.entry,
        "data": run.plan.data.entry,
        "source": run.plan.data.source,
        "recipe": run.plan.recipe_name,
        "epochs": len(result.history),
        "steps": result.history[-1].step,
        "stopped": result.stopped,
        "weights": {"which": result.weights, "step": result.step},
        **{name: evaluation.brief() for name, evaluation in evaluations.items()},
        "seconds": round(run.seconds(), 3),
        "images_per_second": round(count / training_seconds, 1),
        "bad_pictures": len(bad_lines(run.images.rows)),
    }


def evaluate_splits(
    setup: TrainingSetup,
) -> tuple[dict[str, Evaluation], dict[str, NDArray[np.float32]]]:
    """Figures and logits of the chosen weights on every labelled split."""
    evaluations, all_logits = {}, {}
    for split in setup.batches:
        all_logits[split] = setup.logits(setup.trained, split)
        evaluations[split] = setup.figures(all_logits[split], split)
    return evaluations, all_logits


def save_chosen(run: Run, result: FitResult, evaluations: Mapping[str, Evaluation]) -> None:
    """The kept weights, as the run's weights file."""
    which = {"which": result.weights, "step": result.step, "averaged": result.averaged}
    metrics = {name: evaluation.brief() for name, evaluation in evaluations.items()}
    facts = describe_weights(run, which, metrics)
    save_weights(run.writable(FILE_NAME), run.setup.model, facts)


def save_again(run: Run, result: FitResult) -> None:
    """The weights file of a finished run once more; a damaged one is put aside."""
    evaluations, _ = evaluate_splits(run.setup)
    if (damaged := run.writable(FILE_NAME)).exists():
        storage.rename(damaged, run.folder / f"damaged-{FILE_NAME}-{secrets.token_hex(4)}")
    save_chosen(run, result, evaluations)


def write_predictions(run: Run, split: str, logits: NDArray[np.float32]) -> None:
    """One row a picture, as the task's objective has it: key, truth, prediction, loss."""
    rows, task = run.images.rows, run.setup.task
    chosen, objective = rows.of(split), objective_of(task)
    data = LabeledLogits(logits=logits, targets=rows.targets[chosen], classes=task.classes)
    keys = [rows.table.keys[row] for row in chosen.tolist()]
    path = run.writable(f"{split}.csv")
    text_files.write_csv(path, objective.columns, objective.rows(keys, data))


def division(values: DataParams) -> dict[str, Any]:
    """How else than by a share the validation rows were chosen."""
    asked = {"fold": values.fold, "stratify": values.stratify}
    return {key: value for key, value in asked.items() if value}


def describe_weights(
    run: Run, weights: Mapping[str, Any], metrics: Mapping[str, Any]
) -> dict[str, Any]:
    """The description inside the weights file: no time, host, path or speed, so equal runs agree."""
    plan, pictures = run.plan, run.images
    left_out = pictures.rows.left_out
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
            "entry": plan.data.entry,
            "source": plan.data.source,
            "fingerprint": pictures.fingerprint,
            "validation": plan.data.common.validation,
            "split_seed": plan.data.common.split_seed,
            **division(plan.data.common),
            **({"excluded": len(left_out)} if left_out else {}),
            **({"on_bad_image": "skip"} if pictures.rows.bad else {}),
        },
        "recipe": plan.recipe.params.groups(),
        "weights": weights,
        "metrics": metrics,
        "versions": {"clfw": metadata.version("clfw"), "torch": torch.__version__},
    }


def keep_weights(run: Run, report: EpochReport) -> None:
    """The weights at the end of an epoch, as a file of their own in `RUN/weights`."""
    target = run.folder / KEPT_WEIGHTS
    storage.make_folder(target, exist_ok=True)
    metrics = {
        p.split: {"accuracy": p.accuracy, "loss": p.loss}
        for p in report.evaluations
        if p.step == report.step
    }
    which = {"which": f"epoch {report.epoch}", "step": report.step, "averaged": False}
    facts = describe_weights(run, which, metrics)
    save_weights(target / f"epoch-{report.epoch:04d}.safetensors", run.setup.model, facts)


def draw_pictures(
    run: Run,
    result: FitResult,
    evaluations: Mapping[str, Evaluation],
    logits: Mapping[str, NDArray[np.float32]],
) -> None:
    """Curves, confusion matrix, samples, predictions, mistakes and filters, as PNG files."""
    plan, pictures, setup = run.plan, run.images, run.setup
    title = title_of(plan.model.entry, plan.data.entry, plan.data.source)
    split = next(s for s in PREFERRED if s in evaluations)
    where = pictures.where(split)
    answered = Predictions(
        pixels=pictures.pixels,
        positions=where,
        targets=pictures.targets[where],
        logits=logits[split],
        task=setup.task,
    )
    recipe = plan.recipe.params
    per_epoch = updates_per_epoch(len(setup.batches["train"]), recipe.batch_size, recipe.accumulate)
    set_name = f"{plan.data.entry} ({SOURCES[plan.data.source]})"
    about = f"{title}: {split}"
    pictures_to_draw: dict[str, Callable[[], Any]] = {
        "curves": lambda: draw_curves(result.history, title, per_epoch),
        "steps": lambda: draw_steps(result.history, title),
        "confusion": lambda: draw_confusion(evaluations[split], about),
        "samples": lambda: draw_samples(
            first_decoded(pictures), (), setup.task, seed=0, what=set_name
        ),
        "predictions": lambda: draw_predictions(answered, about),
        "mistakes": lambda: draw_mistakes(answered, about),
    }
    if convolutions(setup.model):
        named = f"{run.folder.name}: {title}"
        pictures_to_draw["filters"] = lambda: draw_filters(
            *find_convolution(setup.model, ""), named
        )
    for name, draw in pictures_to_draw.items():
        draw_one(run, name, draw)


def draw_one(run: Run, name: str, draw: Callable[[], Any]) -> None:
    """One PNG file of the run; a picture that cannot be drawn is a warning, as no figure depends on it."""
    try:
        with own_settings():
            figure = draw()
            if figure is not None:
                save_figure(figure, run.folder / f"{name}.png")
    except Exception as error:
        reason = escape(" ".join(str(error).split()), 200)
        run.console.say(f"warning: {name}.png could not be drawn: {reason}")
