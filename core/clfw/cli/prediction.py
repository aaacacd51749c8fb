"""`clfw predict`: classes of single pictures, or of a dataset's split as a submission file."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clfw.api.source import SPLITS
from clfw.cli.options import Asked, complete, console, json_option, print_json, request_options
from clfw.errors import DataError, InputMissing, OutputError, UsageError
from clfw.io.terminal import say
from clfw.text import bullet_list, escape, plural

if TYPE_CHECKING:
    from clfw.config.data_choice import Request
    from clfw.inference.inputs import OpenedPictures
    from clfw.inference.predictions import Prediction


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.argument("images", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--data", default="", shell_complete=complete("data"), help="Data entry, instead of pictures."
)
@click.option("--split", type=click.Choice(SPLITS), default="test", show_default=True)
@click.option("--out", type=click.Path(path_type=Path), help="CSV file for the predictions.")
@request_options
@json_option
@click.pass_obj
def predict(
    engine: Any,
    path: Path,
    images: tuple[Path, ...],
    data: str,
    split: str,
    out: Path | None,
    asked: Asked,
    as_json: bool,
) -> None:
    """Predict the class of pictures, or of every picture of a split.

    \b
    clfw predict runs/fashion_cnn-fashion_csv-001 shoe.png shirt.jpg
    clfw predict runs/fashion_cnn-fashion_csv-001 new_pictures
    clfw predict runs/fashion_cnn-fashion_csv-001 --data fashion_csv --split test --out submission.csv
    """
    from clfw.artifacts.weights_header import find_weights, read_header
    from clfw.inference.inputs import data_for, open_images
    from clfw.inference.split import open_split_and_report
    from clfw.io.progress_bars import show_progress

    request = asked.request(data)
    require_one_kind(path, images, request)
    if out is not None:
        require_new(out)
    images = with_those_in_folders(images)
    environment = asked.environment()
    header = read_header(find_weights(path))
    if images:
        opened = open_images(header, images, show_progress)
    else:
        entry = data_for(header, request, environment.catalog, environment.registry)
        opened = open_split_and_report(
            header, entry, request, environment.catalog, split, console(), keep_bad=True
        )

    from clfw.runs.predicting import predict_split
    from clfw.training.setup import Engine

    rows = predict_split(header, opened, environment.catalog, engine or Engine(), asked.device)
    hand_over(rows, opened, out, as_json)


def require_one_kind(path: Path, images: tuple[Path, ...], request: "Request") -> None:
    """Raise unless there are either pictures, and no word about data, or data."""
    if bool(images) == bool(request.data):
        raise UsageError(
            "predict: needs pictures or --data, one of the two",
            hint=f"clfw predict {path} PICTURE.png, or clfw predict {path} --data NAME",
        )
    if images and request.settings:
        raise UsageError(
            f"--set '{request.settings[0]}': pictures are prepared as the weights say",
            hint="leave --set out, or name a data entry with --data",
        )
    if images and (request.sample or request.require_full):
        raise UsageError(
            f"--{'sample' if request.sample else 'require-full'}: "
            "says which files of a data entry to take",
            hint="leave it out, or name a data entry with --data",
        )


def with_those_in_folders(images: tuple[Path, ...]) -> tuple[Path, ...]:
    """The pictures, those of a folder in its place; raises where nothing of all is there."""
    from clfw.io.file_tree import is_picture, is_stray, open_tree

    if images and not any(os.path.exists(image) for image in images):  # noqa: PTH110
        raise InputMissing(f"no picture '{escape(str(images[0]))}'")
    found: list[Path] = []
    for image in images:
        if not os.path.isdir(image):  # noqa: PTH112
            found.append(image)
            continue
        names = open_tree(image, look_through=False).names()
        inside = [image / name for name in names if is_picture(name) and not is_stray(name)]
        if not inside:
            raise DataError(
                f"'{escape(str(image))}': a folder without pictures that are read",
                hint="name PNG, JPEG, BMP or WEBP files, or a folder of them",
            )
        found += inside
    return tuple(found)


def hand_over(
    rows: "list[Prediction]", opened: "OpenedPictures", out: Path | None, as_json: bool
) -> None:
    """Predictions as a file, JSON or lines; `DataError` when no picture could be read."""
    from clfw.inference.predictions import write_rows

    if out is not None:
        write_rows(out, rows, opened.submission)
        say(f"{out}: {plural(len(rows), 'prediction')} ({opened.source})")
        if bad := [f"{row.key}: {row.error}" for row in rows if row.error]:
            say(f"warning: {bullet_list('pictures cannot be read and have no label', bad)}")
    elif as_json:
        print_json([row.to_json() for row in rows])
    else:
        for row in rows:
            click.echo(f"{row.key}  {row.label}  {row.probability:.2%}" if not row.error
                       else f"{row.key}  error: {row.error}")  # fmt: skip
    if all(row.error for row in rows):
        raise DataError(
            "none of the pictures can be read", hint="name PNG, JPEG, BMP or WEBP files"
        )


def require_new(out: Path) -> None:
    """Raise unless a file can be made there without replacing another."""
    if os.path.exists(out):  # noqa: PTH110  (takes names that no disk can)
        raise OutputError(
            f"--out {out}: is there already", hint="name another file, or remove that one"
        )
    if not os.path.isdir(out.absolute().parent):  # noqa: PTH112
        raise OutputError(f"--out {out}: its folder is not there", hint="make the folder first")
