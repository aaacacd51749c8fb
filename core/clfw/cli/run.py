"""`clfw run`: train a model on data and write a run folder."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clfw.cli.options import (
    complete,
    complete_loggers,
    device_option,
    json_option,
    load_catalog,
    lookup_options,
    on_bad_image_option,
    say,
    say_seen,
    settings_option,
    source_options,
    with_data,
)
from clfw.cli.results import print_result
from clfw.errors import UsageError

if TYPE_CHECKING:
    from clfw.cli.options import Environment
    from clfw.config.data_choice import Request
    from clfw.config.plan import Plan
    from clfw.runs.end import Result


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
    help="Recipe entry; names model, data and values.",
)
@click.option("--epochs", type=int, help="Passes over the training split.")
@click.option("--steps", type=int, help="Stop after so many updates.")
@click.option("--batch-size", type=CountOrFull(), help="Pictures in a batch, or 'full'.")
@click.option("--lr", type=float, help="Learning rate.")
@click.option("--seed", type=int, help="Decides weights, order and augmentation.")
@click.option("--augment", help="Augmentations, as in flip,rotate; '' for none.")
@click.option(
    "--observe", "observers", multiple=True, metavar="PLUGIN", shell_complete=complete_loggers,
    help="Plugin that hears of finished epochs, as tensorboard. Repeatable.",
)  # fmt: skip
@click.option("--fold", metavar="K/N", help="Hold out the K-th of N parts, as in 2/5.")
@on_bad_image_option
@settings_option
@device_option
@source_options
@click.option("--threads", type=click.IntRange(1, 1024), help="CPU threads; part of the plan.")
@click.option("--tune", is_flag=True, help="Measure memory format and threads first; in the plan.")
@click.option(
    "--memory-budget", metavar="SIZE", callback=size_option,
    help="Stream decoded pictures over this, as 2GB; half of the free memory if left out.",
)  # fmt: skip
@click.option("--deterministic", is_flag=True, help="Equal bits on a GPU too, at some cost.")
@click.option("--out", type=click.Path(path_type=Path), help="Run folder (default: runs/NAME-001).")
@click.option(
    "--resume", type=click.Path(path_type=Path), metavar="RUN", help="The same as clfw resume RUN."
)
@lookup_options
@json_option
@click.pass_obj
def run(
    engine: Any,
    /,
    model: str,
    data: str,
    recipe: str,
    augment: str | None,
    observers: tuple[str, ...],
    fold: str | None,
    on_bad_image: str | None,
    settings: tuple[str, ...],
    device: str,
    data_dir: Path | None,
    threads: int | None,
    tune: bool,
    memory_budget: int | None,
    deterministic: bool,
    require_full: bool,
    sample: bool,
    out: Path | None,
    resume: Path | None,
    registry: Path | None,
    disabled: tuple[str, ...],
    as_json: bool,
    **train_options: Any,
) -> None:
    """Train a model on data.

    \b
    clfw run --model fashion_cnn --data fashion_csv
    clfw run --recipe fashion_document
    clfw run --model fashion_cnn --data fashion_csv --set model.width=8 --epochs 3
    """
    if resume is not None:
        go_on(resume)
        return
    from clfw.config.data_choice import Request

    there = load_catalog(registry, disabled)
    request = Request(
        model=model,
        data=data,
        recipe=recipe,
        settings=with_data(settings, on_bad_image=on_bad_image, fold=fold),
        options={key: value for key, value in train_options.items() if value is not None},
        augment=None if augment is None else [name for name in augment.split(",") if name],
        observers=observers,
        device=device,
        data_folder=data_dir,
        require_full=require_full,
        sample=sample,
        threads=threads,
        memory_budget=memory_budget,
        deterministic=deterministic,
    )
    plan, result = start_run(request, there, engine, out, tune=tune)
    print_result(plan, result, as_json)


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


def start_run(
    request: "Request", there: "Environment", engine: Any, out: Path | None, *, tune: bool = False
) -> "tuple[Plan, Result]":
    """Resolve, open and decode, then train: every error of a person comes before torch is imported."""
    from clfw.api.source import SPLITS
    from clfw.cli.progress import show_progress
    from clfw.config.plan import resolve_plan
    from clfw.config.recipe import for_classes
    from clfw.data.negotiation import negotiate_preprocess, require_weights
    from clfw.data.opening import decode_splits, open_data
    from clfw.data.rows import refuse_untrainable
    from clfw.io.storage import require_creatable
    from clfw.runs.loggers import check_loggers

    plan = resolve_plan(request, there.catalog, there.registry)
    used = plan.data
    say_seen(request.data or used.entry, plan.data.seen, used.component.name)
    require_creatable(out)
    check_loggers(plan, "leave out --observe")
    opened = open_data(plan.data)
    refuse_untrainable(opened.rows)
    plan = replace(plan, recipe=for_classes(plan.recipe, opened.rows.classes))
    plan, preprocess = negotiate_preprocess(plan, opened)
    require_weights(plan)
    splits = tuple(split for split in SPLITS if opened.rows.labeled(split))
    pictures = decode_splits(opened, preprocess, splits, show_progress)

    from clfw.runs.run import execute
    from clfw.training.autotune import autotuned
    from clfw.training.setup import Engine

    engine = engine or Engine()
    if tune:
        plan = autotuned(plan, pictures, engine, say)
    return plan, execute(plan, pictures, engine, out, say, show_progress)
