"""`clfw data`: a look at datasets."""

from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clfw.cli.add import add
from clfw.cli.check import check
from clfw.cli.options import (
    complete,
    data_dir_option,
    json_option,
    load_catalog,
    lookup_options,
    print_json,
    say_seen,
    settings_option,
)

if TYPE_CHECKING:
    from clfw.api.preprocess import Preprocess
    from clfw.data.rows import Rows


@click.group(invoke_without_command=True)
@click.pass_context
def data(context: click.Context) -> None:
    """Look at datasets."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


data.add_command(add)
data.add_command(check)


@data.command("show")
@click.argument("name", shell_complete=complete("data"))
@click.option("--augment", default="", help="Augmentations to draw, as in flip,rotate.")
@settings_option
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, help="Decides the draws.")
@click.option("--out", type=click.Path(path_type=Path), help="PNG file (default: NAME.png).")
@data_dir_option
@lookup_options
@json_option
def show(
    name: str,
    augment: str,
    settings: tuple[str, ...],
    seed: int,
    out: Path | None,
    data_dir: Path | None,
    registry: Path | None,
    disabled: tuple[str, ...],
    as_json: bool,
) -> None:
    """Print what a dataset holds and draw its first 40 pictures.

    \b
    clfw data show fashion_csv
    clfw data show fashion_csv --augment rotate --set augment.rotate.degrees=45
    """
    from clfw.api.params import Layer, parse_settings
    from clfw.catalog.detection import find_data
    from clfw.config.data_choice import Request, resolve_data
    from clfw.config.resolution import resolve_augmentations
    from clfw.text import unused_files_line

    environment = load_catalog(registry, disabled)
    given = parse_settings(settings)
    refuse_training_settings(given)
    entry = find_data(name, given["data"], environment.catalog, environment.registry)
    layers, request = [Layer("--set", given["data"])], Request(data=name, data_folder=data_dir)
    choice = resolve_data(entry, environment.catalog, layers, request)
    used = [part.strip() for part in augment.split(",") if part.strip()]
    choices = resolve_augmentations("--augment", used, given["augment"], environment.catalog)
    path = out or free_name(entry.name)
    require_new(path)
    say_seen(name, choice.seen, choice.component.name)

    from clfw.data.negotiation import natural_preprocess
    from clfw.data.opening import open_data, task_of
    from clfw.plots.figures import own_settings, save_figure
    from clfw.plots.samples import SOURCES, draw_samples, first_pictures

    opened = open_data(choice)
    preprocess = natural_preprocess(opened, choice.common)
    source = SOURCES[choice.source]
    with own_settings():
        shown, task = first_pictures(opened, preprocess), task_of(opened.rows, preprocess)
        save_figure(draw_samples(shown, choices, task, seed=seed, what=f"{name} ({source})"), path)
    strays = opened.rows.table.unused_files
    if as_json:
        used = [choice.entry for choice in choices]
        more = {"source": choice.source, "augment": used, "picture": str(path), "strays": [*strays]}
        print_json({"data": name, **contents(opened.rows, preprocess), **more})
        return
    click.echo(f"{name}: {source}")
    print_contents(contents(opened.rows, preprocess))
    if strays:
        click.echo(f"files    {unused_files_line(strays)}")
    click.echo(f"picture  {path}")


def refuse_training_settings(given: dict[str, dict[str, Any]]) -> None:
    """Raise for `--set` of what only a run has."""
    from clfw.errors import UsageError
    from clfw.text import escape

    for group in given.keys() - {"data", "augment"}:
        for key in given[group]:
            raise UsageError(
                f"--set {group}.{escape(key)}: nothing is trained here",
                hint="what can be set here: data.KEY and augment.NAME.KEY",
            )


def free_name(name: str) -> Path:
    """NAME.png in the working folder, or NAME-2.png and so on where that is taken."""
    numbers = (f"-{number}" if number > 1 else "" for number in count(1))
    return next(path for n in numbers if not (path := Path(f"{name}{n}.png")).exists())


def require_new(path: Path) -> None:
    """Raise unless a PNG file can be made at `path`; nothing is overwritten."""
    from clfw.errors import OutputError, UsageError

    hint = "name another file with --out"
    if path.is_dir():
        raise OutputError(f"{path}: is a folder", hint="name a file in it with --out")
    if path.suffix.lower() != ".png":
        raise UsageError(
            f"--out: {path}: a picture is written as PNG", hint=f"name it {path.stem}.png"
        )
    if path.exists():
        raise OutputError(f"{path}: already exists, and is not overwritten", hint=hint)
    if not path.parent.is_dir():
        raise OutputError(f"{path}: no folder {path.parent}", hint=hint)


def contents(rows: "Rows", preprocess: "Preprocess") -> dict[str, Any]:
    """Pictures per split and class, and the shape that a network gets."""
    from collections import Counter

    splits = {}
    for split, pictures in rows.counts().items():
        targets = Counter(rows.targets[rows.of(split)].tolist())
        per_class = {name: targets[k] for k, name in enumerate(rows.classes)}
        splits[split] = {"pictures": pictures, "without_label": targets[-1], "classes": per_class}
    return {
        "channels": preprocess.channels,
        "height": preprocess.height,
        "width": preprocess.width,
        "splits": splits,
    }


def print_contents(facts: dict[str, Any]) -> None:
    """A table: a line a class, a column a split, and the totals."""
    from clfw.text import escape

    kind = "grey" if facts["channels"] == 1 else "colour"
    click.echo(f"pictures {facts['height']}x{facts['width']} {kind}, C {facts['channels']}")
    splits = {name: split for name, split in facts["splits"].items() if split["pictures"]}
    classes = next(iter(splits.values()))["classes"]
    table = [("class", *splits)]
    for name in classes:
        table.append((escape(name, 40), *(f"{s['classes'][name]:,}" for s in splits.values())))
    if any(split["without_label"] for split in splits.values()):
        table.append(("no label", *(f"{s['without_label']:,}" for s in splits.values())))
    table.append(("all", *(f"{split['pictures']:,}" for split in splits.values())))
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    for row in table:
        numbers = "".join(f"  {text:>{w}}" for text, w in zip(row[1:], widths[1:], strict=True))
        click.echo(f"{row[0]:<{widths[0]}}{numbers}")
