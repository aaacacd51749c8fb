"""`clfw run`: train a model on data and write a run folder."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clfw.cli.options import (
    Asked,
    complete,
    complete_loggers,
    console,
    data_settings,
    json_option,
    on_bad_image_option,
    renamed_option,
    request_options,
)
from clfw.cli.results import print_result
from clfw.errors import UsageError

if TYPE_CHECKING:
    from clfw.config.data_choice import Request


OF_RECIPE = ("epochs", "steps", "batch_size", "lr", "seed")  # options that are values of `train`


class CountOrFull(click.ParamType[Any]):
    """A number of pictures, or "full"."""

    name = "count|full"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        if value == "full" or isinstance(value, int):
            return value
        try:
            return int(value)
        except ValueError:
            self.fail(f"'{value}' is neither a whole number nor 'full'", param, ctx)


def size_option(context: click.Context, option: click.Parameter, text: str | None) -> int | None:
    """Bytes of a text such as 2GB."""
    from clfw.config.memory import parse_size

    return None if text is None else parse_size(text)


@click.command()
@click.option(
    "--model",
    default="",
    shell_complete=complete("models"),
    help="Model entry or architecture; see clfw list.",
)
@click.option(
    "--data",
    default="",
    shell_complete=complete("data"),
    help="Data entry or dataset; see clfw list.",
)
@click.option(
    "--recipe",
    default="",
    shell_complete=complete("recipes"),
    help="Recipe entry: a model, data and values under one name.",
)
@click.option("--epochs", type=int, help="Passes over the training split.")
@click.option("--steps", type=int, help="Stop after this many updates.")
@click.option("--batch-size", type=CountOrFull(), help="Pictures in a batch, or 'full'.")
@click.option("--lr", type=float, help="Learning rate.")
@click.option("--seed", type=int, help="Random seed of weights, order and augmentation.")
@click.option("--augment", help="Augmentations, for example flip,rotate; '' for none.")
@click.option(
    "--logger", "loggers", multiple=True, metavar="PLUGIN", shell_complete=complete_loggers,
    help="Plugin that is notified after each epoch, such as tensorboard. Repeatable.",
)  # fmt: skip
@click.option(
    "--fold", metavar="K/N", help="Hold out the K-th of N folds for validation, for example 2/5."
)
@on_bad_image_option
@click.option(
    "--threads", type=click.IntRange(1, 1024), help="Number of CPU threads; recorded in the plan."
)
@renamed_option("--observe", "--logger", takes_value=True)
@renamed_option("--tune", "--autotune")
@click.option(
    "--autotune", is_flag=True, help="Measure the fastest memory format and thread count first."
)
@click.option(
    "--memory-budget", metavar="SIZE", callback=size_option,
    help="Stream decoded pictures that need more than this, for example 2GB (default: half of the "
    "free memory).",
)  # fmt: skip
@click.option("--deterministic", is_flag=True, help="Bit-identical results on a GPU too; slower.")
@click.option("--out", type=click.Path(path_type=Path), help="Run folder (default: runs/NAME-001).")
@click.option(
    "--resume", type=click.Path(path_type=Path), metavar="RUN", help="Same as clfw resume RUN."
)
@request_options
@json_option
@click.pass_obj
def run(engine: Any, /, resume: Path | None, asked: Asked, as_json: bool, **options: Any) -> None:
    """Train a model on data.

    \b
    clfw run --model fashion_cnn --data fashion_csv
    clfw run --recipe fashion_document
    clfw run --model fashion_cnn --data fashion_csv --set model.width=8 --epochs 3
    """
    if resume is not None:
        go_on(resume)
        return
    from clfw.runs.sessions import train_run

    request = run_request(asked, **options)
    print_result(train_run(request, asked.environment(), console(), engine), as_json)


def run_request(
    asked: Asked,
    *,
    augment: str | None,
    fold: str | None,
    on_bad_image: str | None,
    **options: Any,
) -> "Request":
    """What the options of `clfw run` ask for."""
    of_recipe = {name: options.pop(name) for name in OF_RECIPE}
    return asked.request(
        settings=data_settings(on_bad_image=on_bad_image, fold=fold),
        options={name: value for name, value in of_recipe.items() if value is not None},
        augment=None if augment is None else [name for name in augment.split(",") if name],
        **options,
    )


def go_on(path: Path) -> None:
    """`run --resume RUN`: every other value is the run's own, so none but its length can be given."""
    from click.core import ParameterSource

    from clfw.cli.resumption import resume

    context = click.get_current_context()
    kept = {parameter.name for parameter in resume.params}
    given = {}
    for parameter in context.command.params:
        name = parameter.name
        if (
            name == "resume"
            or name not in context.params  # --plugin, which `installed` finds by itself
            or context.get_parameter_source(name) is not ParameterSource.COMMANDLINE
        ):
            continue
        if name not in kept:
            raise UsageError(
                f"--resume: a run continues as it was planned, so {parameter.opts[0]} has no place",
                hint="leave it out, or start a new run without --resume",
            )
        given[name] = context.params[name]
    context.invoke(resume, path=path, **given)
