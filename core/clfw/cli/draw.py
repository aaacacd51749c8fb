"""`clfw draw`: one picture of a finished run, as a PNG file."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clfw.api.source import SPLITS
from clfw.cli.data import require_new
from clfw.cli.options import Asked, complete, console, request_options
from clfw.errors import InputMissing, UsageError
from clfw.io import text_files
from clfw.text import escape

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from clfw.artifacts.weights_header import Header
    from clfw.catalog.environment import Environment
    from clfw.catalog.registry import Entry
    from clfw.config.data_choice import Request
    from clfw.inference.inputs import OpenedPictures
    from clfw.plugins.manager import Catalog

OF_HISTORY = ("curves", "steps")
OF_ANSWERS = ("confusion", "predictions", "mistakes")
OF_LAYERS = ("filters", "maps")


@click.command()
@click.argument("what", type=click.Choice([*OF_HISTORY, *OF_ANSWERS, *OF_LAYERS]))
@click.argument("path", metavar="RUN", type=click.Path(path_type=Path))
@click.option(
    "--data",
    default="",
    shell_complete=complete("data"),
    help="Data entry; the one trained on, sample or full set, if left out.",
)
@click.option(
    "--split",
    type=click.Choice(SPLITS),
    help="Which pictures; validation, else test, else train, if left out.",
)
@click.option(
    "--image",
    type=click.Path(path_type=Path),
    help="Picture for maps; the first of the split if left out.",
)
@click.option(
    "--layer", default="", help="Convolution for filters and maps; the first one if left out."
)
@click.option("--out", type=click.Path(path_type=Path), help="PNG file (default: WHAT.png here).")
@request_options
@click.pass_obj
def draw(
    engine: Any,
    /,
    what: str,
    path: Path,
    data: str,
    split: str | None,
    image: Path | None,
    layer: str,
    out: Path | None,
    asked: Asked,
) -> None:
    """Draw WHAT of a run: its curves, answers, filters, or the feature maps of a picture.

    \b
    clfw draw mistakes runs/fashion_cnn-fashion_csv-001 --split test
    clfw draw maps runs/fashion_cnn-fashion_csv-001 --image shoe.png --layer 4
    """
    target = out or Path(f"{what}.png")
    require_new(target)
    require_image(what, image)
    environment = asked.environment()
    request = asked.request(data)

    from clfw.plots.figures import own_settings, save_figure

    with own_settings():
        if what in OF_HISTORY:
            figure = figure_of_history(what, path)
        elif what in OF_ANSWERS:
            figure = figure_of_answers(what, path, request, split, environment, engine)
        else:
            figure = figure_of_layer(what, path, request, split, image, layer, environment)
        if figure is None:
            click.echo("no mistakes to draw")
            return
        save_figure(figure, target)
    click.echo(str(target))


def require_image(what: str, image: Path | None) -> None:
    """Maps are of a picture that is there; nothing else is of a picture."""
    if image is None:
        return
    if what != "maps":
        raise UsageError(f"--image: {what} are of no single picture", hint="leave --image out")
    if not image.exists():
        raise InputMissing(f"--image: {escape(str(image))}: is not there")


def figure_of_history(what: str, path: Path) -> Any:
    """Curves by epoch or by update."""
    from clfw.api import run_files
    from clfw.artifacts.history import read_history
    from clfw.errors import DataError
    from clfw.models.batches import updates_per_epoch
    from clfw.plots.figures import draw_curves, draw_steps, title_of

    for file in (
        path,
        *(path / n for n in (run_files.METRICS, run_files.STEPS, run_files.PLAN, run_files.DATA)),
    ):
        if not file.exists():
            raise InputMissing(
                f"{escape(str(file))}: is not there",
                hint="name the folder of a run that has finished an epoch",
            )
    history = read_history(path)
    if not history:
        raise DataError(f"{path}: holds no finished epoch", hint="name a run folder")
    plan, facts = (
        text_files.read_json(path / run_files.PLAN),
        text_files.read_json(path / run_files.DATA),
    )
    try:
        title = title_of(plan["model"]["entry"], plan["data"]["entry"], plan["data"]["source"])
        size, parts = (plan["train"][key]["value"] for key in ("batch_size", "accumulate"))
        per_epoch = updates_per_epoch(int(facts["rows"]["train"]), size, parts)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: damaged: {escape(repr(error))}") from None
    if what == "steps":
        return draw_steps(history, title)
    return draw_curves(history, title, per_epoch)


def open_own(
    header: "Header", request: "Request", split: str | None, environment: "Environment"
) -> tuple["OpenedPictures", str, str]:
    """The pictures of `split`, or of the one that a run draws itself; name of data, and split."""
    from clfw.data.opening import open_data
    from clfw.inference.inputs import chosen_data, data_for
    from clfw.inference.split import open_split_and_report
    from clfw.plots.prediction_grids import PREFERRED

    entry = data_for(header, request, environment.catalog, environment.registry)
    request = own_source(header, entry, request, environment.catalog)
    if split is None:
        choice, _, _ = chosen_data(header, entry, request, environment.catalog)
        rows = open_data(choice, trained_elsewhere=True).rows
        split = next((name for name in PREFERRED if rows.labeled(name)), PREFERRED[0])
    return (
        open_split_and_report(header, entry, request, environment.catalog, split, console()),
        entry.name,
        split,
    )


def figure_of_answers(
    what: str,
    path: Path,
    request: "Request",
    split: str | None,
    environment: "Environment",
    engine: Any,
) -> Any:
    """Confusion matrix, random predictions or worst mistakes of a labelled split."""
    from clfw.artifacts.weights_header import find_weights, read_header

    header = read_header(find_weights(path))
    opened, name, split = open_own(header, request, split, environment)

    from clfw.plots.figures import draw_confusion, title_of
    from clfw.plots.prediction_grids import Predictions, draw_mistakes, draw_predictions
    from clfw.runs.predicting import logits_of
    from clfw.training.setup import Engine

    engine = engine or Engine()
    logits = logits_of(header, opened, environment.catalog, engine, request.device)
    targets = opened.targets[opened.positions]
    model = str(header.facts["model"]["entry"])
    title = f"{title_of(model, name, opened.source)}: {split}"
    if what == "confusion":
        evaluation = engine.evaluator.evaluate(logits, targets, header.task)
        return draw_confusion(evaluation, title)
    assert opened.pixels is not None, "a split's pictures are mapped"
    answered = Predictions(
        pixels=opened.pixels,
        positions=opened.positions,
        targets=targets,
        logits=logits,
        task=header.task,
    )
    return (draw_predictions if what == "predictions" else draw_mistakes)(answered, title)


def own_source(
    header: "Header", entry: "Entry", request: "Request", catalog: "Catalog"
) -> "Request":
    """`request` for the bundled sample where the weights saw it and nobody asks for other pictures."""
    from dataclasses import replace

    from clfw.api.components import Dataset
    from clfw.api.params import parse_settings

    asked = request.data or request.data_folder or request.require_full
    if asked or parse_settings(request.settings)["data"].get("path"):
        return request
    offer = catalog.find("dataset", entry.component).component
    assert isinstance(offer, Dataset)
    has_sample = entry.fields.get("sample") or offer.sample
    if header.facts["data"].get("source") != "sample" or not has_sample:
        return request
    return replace(request, sample=True)


def figure_of_layer(
    what: str,
    path: Path,
    request: "Request",
    split: str | None,
    image: Path | None,
    layer: str,
    environment: "Environment",
) -> Any:
    """Filters of a convolution, or its feature maps for one picture."""
    from clfw.artifacts.weights_header import find_weights, read_header

    header = read_header(find_weights(path))

    import torch

    from clfw.models.batches import Normalize
    from clfw.models.weights_io import restore_model
    from clfw.plots.figures import title_of
    from clfw.plots.filters import draw_filters, draw_maps, feature_maps, find_convolution

    model = restore_model(header, environment.catalog)
    name, convolution = find_convolution(model, layer)
    data = header.facts["data"]
    about = title_of(header.facts["model"]["entry"], data["entry"], data.get("source", "full"))
    title = f"{path.resolve().name}: {about}"
    if what == "filters":
        return draw_filters(name, convolution, title)
    picture, called = picture_for(header, request, split, image, environment)
    pixels = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
    normalized = Normalize(header.preprocess, torch.device("cpu"))(pixels)
    return draw_maps(name, feature_maps(model, name, normalized), picture, called, title)


def picture_for(
    header: "Header",
    request: "Request",
    split: str | None,
    image: Path | None,
    environment: "Environment",
) -> "tuple[NDArray[Any], str]":
    """The picture (H, W, C) in a file, or the first of the split, and what it is called."""
    from clfw.errors import DataError
    from clfw.inference.inputs import open_images
    from clfw.io.progress import no_progress

    if image is None:
        opened, _, split = open_own(header, request, split, environment)
        return opened.images[opened.positions[0]].copy(), f"{opened.keys[0]} ({split})"
    opened = open_images(header, [image], no_progress)
    if opened.errors:
        raise DataError(f"{image}: {opened.errors[0]}")
    return opened.images[0], image.name
