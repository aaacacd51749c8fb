"""`clfw draw`: one picture of a finished run, as a PNG file."""

from pathlib import Path
from typing import Any

import click

from clfw.cli.options import (
    complete,
    data_dir_option,
    device_option,
    installed,
    lookup_options,
    say_seen,
    settings_option,
)
from clfw.errors import OutputError, UsageError

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
    help="Data entry; the one trained on if left out.",
)
@click.option("--split", default="validation", show_default=True)
@click.option("--image", type=click.Path(path_type=Path), help="Picture for maps.")
@click.option(
    "--layer", default="", help="Convolution for filters and maps; the first one if left out."
)
@click.option("--out", type=click.Path(path_type=Path), help="PNG file (default: WHAT.png here).")
@settings_option
@device_option
@data_dir_option
@lookup_options
@click.pass_obj
def draw(
    seams: Any,
    /,
    what: str,
    path: Path,
    data: str,
    split: str,
    image: Path | None,
    layer: str,
    out: Path | None,
    settings: tuple[str, ...],
    device: str,
    data_dir: Path | None,
    registry: Path | None,
    disabled: tuple[str, ...],
) -> None:
    """Draw WHAT of a run: its curves, answers, filters, or the feature maps of a picture.

    \b
    clfw draw mistakes runs/fashion_cnn-fashion_csv-001 --split test
    clfw draw maps runs/fashion_cnn-fashion_csv-001 --image shoe.png --layer 4
    """
    target = out or Path(f"{what}.png")
    if target.exists():
        raise OutputError(f"{target}: is there already", hint="name another file with --out")
    if (what == "maps") != (image is not None):
        raise UsageError("draw: --image belongs to maps, and maps need it")
    there = installed(registry, disabled)
    if what in OF_HISTORY:
        figure = figure_of_history(what, path)
    elif what in OF_ANSWERS:
        from clfw.plan import Request

        request = Request(data=data, settings=settings, device=device, data_folder=data_dir)
        figure = figure_of_answers(what, path, request, split, there, seams)
    else:
        figure = figure_of_layer(path, image, layer, there)
    if figure is None:
        click.echo("no mistakes to draw")
        return

    from clfw.drawing.figures import save_figure

    save_figure(figure, target)
    click.echo(str(target))


def figure_of_history(what: str, path: Path) -> Any:
    """Curves by epoch or by update."""
    from clfw.drawing.figures import draw_curves, draw_steps
    from clfw.errors import DataError, InputMissing, printable
    from clfw.runfolder import runs
    from clfw.runfolder.history import read_history

    for file in (path, path / runs.METRICS, path / runs.STEPS):
        if not file.exists():
            raise InputMissing(
                f"{printable(str(file))}: is not there",
                hint="name the folder of a run that has finished an epoch",
            )
    history = read_history(path)
    if not history:
        raise DataError(f"{path}: holds no finished epoch", hint="name a run folder")
    return (draw_curves if what == "curves" else draw_steps)(history, path.name)


def figure_of_answers(
    what: str, path: Path, request: Any, split: str, there: Any, seams: Any
) -> Any:
    """Confusion matrix, random predictions or worst mistakes of a labelled split."""
    from clfw.artifacts.weightsfile import find_weights, read_header
    from clfw.cli.progress import show_progress
    from clfw.learning.inference import data_for, open_split

    header = read_header(find_weights(path))
    entry = data_for(header, request, there.catalog, there.registry)
    say_seen(request.data or entry.path, entry.seen, entry.component)
    opened = open_split(header, entry, request, there.catalog, split, show_progress)
    opened.require_labels()

    import torch

    from clfw.drawing.boards import Answered, draw_mistakes, draw_predictions
    from clfw.drawing.figures import draw_confusion
    from clfw.learning.evaluating import logits_of
    from clfw.learning.workbench import Seams

    seams = seams or Seams()
    logits = logits_of(header, opened, there.catalog, seams, request.device)
    targets = opened.targets[opened.positions]
    title = f"{path.name}: {entry.name} ({opened.source}), {split}"
    if what == "confusion":
        evaluation = seams.evaluator.evaluate(logits, torch.from_numpy(targets), header.classes)
        return draw_confusion(evaluation, title)
    assert opened.pixels is not None, "a split's pictures are mapped"
    answered = Answered(
        pixels=opened.pixels,
        positions=opened.positions,
        targets=targets,
        logits=logits,
        classes=header.classes,
    )
    return (draw_predictions if what == "predictions" else draw_mistakes)(answered, title)


def figure_of_layer(path: Path, image: Path | None, layer: str, there: Any) -> Any:
    """Filters of a convolution, or its feature maps for one picture."""
    from clfw.artifacts.weightsfile import find_weights, read_header
    from clfw.data.opening import no_progress
    from clfw.errors import DataError
    from clfw.learning.inference import open_images

    header = read_header(find_weights(path))

    import torch

    from clfw.artifacts.weights import restore_model
    from clfw.drawing.insides import draw_filters, draw_maps, feature_maps, find_convolution
    from clfw.learning.batches import Normalise

    model = restore_model(header, there.catalog)
    name, convolution = find_convolution(model, layer)
    if image is None:
        return draw_filters(name, convolution)
    opened = open_images(header, [image], no_progress)
    if opened.errors:
        raise DataError(f"{image}: {opened.errors[0]}")
    pixels = torch.from_numpy(opened.images).permute(0, 3, 1, 2).float() / 255
    normalised = Normalise(header.preprocess, torch.device("cpu"))(pixels)
    return draw_maps(name, feature_maps(model, name, normalised), image.name)
