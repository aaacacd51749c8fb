"""The end of a run: evaluation of the chosen weights, the weights file, tables and pictures."""

import secrets
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from clfw.api import run_files
from clfw.api.reports import EpochReport
from clfw.artifacts.run_lock import RunLock
from clfw.artifacts.weights_header import FILE_NAME
from clfw.config.data_params import DataParams
from clfw.config.plan import Plan
from clfw.data.opening import DecodedImages
from clfw.data.undecodable import bad_lines
from clfw.io import storage, text_files
from clfw.metrics.evaluation import Evaluation
from clfw.models.batches import updates_per_epoch
from clfw.models.weights_io import save_weights
from clfw.plots.figures import draw_confusion, draw_curves, draw_steps, save_figure, title_of
from clfw.plots.filters import convolutions, draw_filters, find_convolution
from clfw.plots.prediction_grids import PREFERRED, Predictions, draw_mistakes, draw_predictions
from clfw.plots.samples import SOURCES, draw_samples, first_decoded
from clfw.training.protocols import FitResult
from clfw.training.setup import TrainingSetup

KEPT_WEIGHTS = "weights"  # the folder of the weights that are kept on the way


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """A finished run.

    Attributes:
        bad: what is wrong with each picture that was left out because it does not decode.
    """

    folder: Path
    evaluations: dict[str, Evaluation]
    trained: FitResult
    seconds: float
    images_per_second: float
    bad: tuple[str, ...]

    def to_json(self, plan: Plan) -> dict[str, Any]:
        """The object that `clfw run --json` prints and `summary.json` holds."""
        return {
            "run": str(self.folder),
            "model": plan.model.entry,
            "data": plan.data.entry,
            "source": plan.data.source,
            "recipe": plan.recipe_name,
            "epochs": len(self.trained.history),
            "steps": self.trained.history[-1].step,
            "stopped": self.trained.stopped,
            "weights": {"which": self.trained.weights, "step": self.trained.step},
            **{name: evaluation.brief() for name, evaluation in self.evaluations.items()},
            "seconds": round(self.seconds, 3),
            "images_per_second": round(self.images_per_second, 1),
            "bad_pictures": len(self.bad),
        }


def finish(
    plan: Plan,
    pictures: DecodedImages,
    setup: TrainingSetup,
    folder: Path,
    lock: RunLock,
    trained: FitResult,
    start: float,
) -> Result:
    """Evaluate the chosen weights on every labelled split and write everything down."""
    evaluations, all_logits = evaluate_splits(setup)
    for split, logits in all_logits.items():
        lock.check()
        if split != "train":
            write_predictions(folder / f"{split}.csv", pictures, split, logits)
    lock.check()
    save_chosen(plan, pictures, setup, folder, trained, evaluations)
    text_files.write_json(
        folder / run_files.EVALUATION, {name: e.to_json() for name, e in evaluations.items()}
    )
    draw_pictures(folder, plan, pictures, setup, trained, evaluations, all_logits)
    training_seconds = sum(report.seconds for report in trained.history)
    images = sum(report.seconds * report.images_per_second for report in trained.history)
    result = Result(
        folder=folder,
        evaluations=evaluations,
        trained=trained,
        seconds=time.perf_counter() - start,
        images_per_second=images / training_seconds,
        bad=bad_lines(pictures.rows),
    )
    lock.check()
    text_files.write_json(folder / run_files.SUMMARY, result.to_json(plan))
    lock.check()  # who claims the folder after this finds the run finished
    return result


def evaluate_splits(setup: TrainingSetup) -> tuple[dict[str, Evaluation], dict[str, Tensor]]:
    """Figures and logits of the chosen weights on every labelled split."""
    evaluations, all_logits = {}, {}
    for split in setup.batches:
        logits = all_logits[split] = setup.logits(setup.trained, split)
        targets = setup.batches[split].targets.cpu()
        evaluations[split] = setup.evaluator.evaluate(logits, targets, setup.task.classes)
    return evaluations, all_logits


def save_chosen(
    plan: Plan,
    pictures: DecodedImages,
    setup: TrainingSetup,
    folder: Path,
    trained: FitResult,
    evaluations: dict[str, Evaluation],
) -> None:
    """The chosen weights, as the run's weights file."""
    which = {"which": trained.weights, "step": trained.step, "averaged": trained.averaged}
    metrics = {name: evaluation.brief() for name, evaluation in evaluations.items()}
    facts = describe_weights(plan, pictures, which, metrics)
    save_weights(folder / FILE_NAME, setup.model, facts)


def save_again(
    plan: Plan,
    pictures: DecodedImages,
    setup: TrainingSetup,
    folder: Path,
    lock: RunLock,
    trained: FitResult,
) -> None:
    """The weights file of a finished run once more; a damaged one is put aside."""
    evaluations, _ = evaluate_splits(setup)
    lock.check()
    if (damaged := folder / FILE_NAME).exists():
        storage.rename(damaged, folder / f"damaged-{FILE_NAME}-{secrets.token_hex(4)}")
    save_chosen(plan, pictures, setup, folder, trained, evaluations)


def write_predictions(path: Path, pictures: DecodedImages, split: str, logits: Tensor) -> None:
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
    text_files.write_csv(path, ("key", "true", "predicted", "probability", "loss"), table)


def division(values: DataParams) -> dict[str, Any]:
    """How else than by a share the validation rows were chosen."""
    asked = {"fold": values.fold, "stratify": values.stratify}
    return {key: value for key, value in asked.items() if value}


def describe_weights(
    plan: Plan, pictures: DecodedImages, weights: dict[str, Any], metrics: dict[str, Any]
) -> dict[str, Any]:
    """The description inside the weights file: no time, host, path or speed, so equal runs agree."""
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


def keep_weights(
    folder: Path, plan: Plan, pictures: DecodedImages, setup: TrainingSetup, report: EpochReport
) -> None:
    """The weights at the end of an epoch, as a file of their own in `RUN/weights`."""
    target = folder / KEPT_WEIGHTS
    storage.make_folder(target, exist_ok=True)
    metrics = {
        p.split: {"accuracy": p.accuracy, "loss": p.loss}
        for p in report.evaluations
        if p.step == report.step
    }
    which = {"which": f"epoch {report.epoch}", "step": report.step, "averaged": False}
    facts = describe_weights(plan, pictures, which, metrics)
    save_weights(target / f"epoch-{report.epoch:04d}.safetensors", setup.model, facts)


def draw_pictures(
    folder: Path,
    plan: Plan,
    pictures: DecodedImages,
    setup: TrainingSetup,
    trained: FitResult,
    evaluations: dict[str, Evaluation],
    logits: dict[str, Tensor],
) -> None:
    """Curves, confusion matrix, samples, predictions, mistakes and filters, as PNG files."""
    title = title_of(plan.model.entry, plan.data.entry, plan.data.source)
    split = next(s for s in PREFERRED if s in evaluations)
    where = pictures.where(split)
    answered = Predictions(
        pixels=pictures.pixels,
        positions=where,
        targets=pictures.targets[where],
        logits=logits[split],
        classes=setup.task.classes,
    )
    recipe = plan.recipe.params
    per_epoch = updates_per_epoch(len(setup.batches["train"]), recipe.batch_size, recipe.accumulate)
    set_name = f"{plan.data.entry} ({SOURCES[plan.data.source]})"
    shown = first_decoded(pictures)
    drawn = {
        "curves": draw_curves(trained.history, title, per_epoch),
        "steps": draw_steps(trained.history, title),
        "confusion": draw_confusion(evaluations[split], f"{title}: {split}"),
        "samples": draw_samples(shown, (), setup.task, seed=0, what=set_name),
        "predictions": draw_predictions(answered, f"{title}: {split}"),
        "mistakes": draw_mistakes(answered, f"{title}: {split}"),
    }
    if convolutions(setup.model):
        named = f"{folder.name}: {title}"
        drawn["filters"] = draw_filters(*find_convolution(setup.model, ""), named)
    for name, figure in drawn.items():
        if figure is not None:
            save_figure(figure, folder / f"{name}.png")
