"""`clfw reproduce`: runs the documents' recipes and holds the results against the published ones."""

import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clfw.cli.options import (
    complete,
    console,
    data_dir_option,
    device_option,
    json_option,
    load_catalog,
    lookup_options,
    print_json,
)
from clfw.io.terminal import say

if TYPE_CHECKING:
    from clfw.catalog.environment import Environment
    from clfw.catalog.registry import Entry

QUICK_STEPS = 40  # updates of a --quick run
HELD = ("holds", "does not hold")  # verdicts where figures could be compared


@click.command()
@click.argument("names", nargs=-1, shell_complete=complete("recipes"))
@click.option("--quick", is_flag=True, help=f"{QUICK_STEPS} updates each, on the bundled samples.")
@click.option(
    "--seeds", type=click.IntRange(1, 100), default=1, show_default=True, help="Runs of each."
)
@device_option
@data_dir_option
@lookup_options
@json_option
@click.pass_obj
def reproduce(
    engine: Any,
    /,
    names: tuple[str, ...],
    quick: bool,
    seeds: int,
    device: str,
    data_dir: Path | None,
    registry: Path | None,
    disabled: tuple[str, ...],
    as_json: bool,
) -> None:
    """Run recipes (all, or those named) and compare with the published results.

    \b
    clfw reproduce --quick
    clfw reproduce fashion_document --seeds 3
    """
    environment = load_catalog(registry, disabled)
    recipes = [
        environment.registry.find("recipes", name, environment.catalog)
        for name in names or environment.registry.names("recipes")
    ]
    rows = []
    for recipe in recipes:
        say(f"-- {recipe.name}: {recipe.summary}")
        rows.append(compare(recipe, environment, engine, quick, seeds, device, data_dir))
    if as_json:
        print_json(rows)
        return
    print_rows(rows)


def compare(
    recipe: "Entry",
    environment: "Environment",
    engine: Any,
    quick: bool,
    seeds: int,
    device: str,
    data_dir: Path | None,
) -> dict[str, Any]:
    """Run one recipe with so many seeds; a row of figures by split (shares of right answers)."""
    from clfw.config.data_choice import Request
    from clfw.runs.sessions import train_run

    settings: tuple[str, ...] = ()
    if quick and "quick_backbone" in recipe.fields:
        settings = (
            f"model.backbone_weights={small_backbone(recipe, environment, engine, device)}",
        )
    results = []
    for seed in range(seeds):
        options: dict[str, Any] = {"seed": seed, **({"steps": QUICK_STEPS} if quick else {})}
        request = Request(
            recipe=recipe.name,
            settings=settings,
            options=options,
            device=device,
            data_folder=data_dir,
            sample=quick,
        )
        results.append(train_run(request, environment, console(), engine))
    measured = {
        split: [result.evaluations[split].accuracy for result in results]
        for split in results[0].evaluations
    }
    published = recipe.table("published")
    full = results[0].summary["source"] == "full" and not quick
    said = verdict(measured, published, full)
    return {
        "recipe": recipe.name,
        "source": results[0].summary["source"],
        "runs": [str(result.folder) for result in results],
        "seconds": statistics.mean(result.summary["seconds"] for result in results),
        "splits": {
            split: figures(measured.get(split, []), published.get(split), said in HELD)
            for split in sorted({*measured, *published})
        },
        "verdict": said,
    }


def small_backbone(recipe: "Entry", environment: "Environment", engine: Any, device: str) -> Path:
    """Train the recipe's small stand-in for a pretrained backbone, on the sample."""
    from clfw.config.data_choice import Request
    from clfw.runs.sessions import train_run

    model = str(recipe.fields["quick_backbone"])
    data = str(recipe.fields["data"])
    say(f"first a small backbone for --quick: {model} on the sample of {data}")
    request = Request(
        model=model, data=data, options={"steps": QUICK_STEPS}, device=device, sample=True
    )
    return train_run(request, environment, console(), engine).folder


def figures(measured: list[float], published: float | None, comparable: bool) -> dict[str, Any]:
    """Published, mean measured, spread over the seeds, difference where it means something."""
    mean = statistics.mean(measured) if measured else None
    difference = None
    if comparable and mean is not None and published is not None:
        difference = mean - published
    return {
        "published": published,
        "measured": mean,
        "spread": statistics.stdev(measured) if len(measured) > 1 else None,
        "difference": difference,
    }


def verdict(measured: dict[str, list[float]], published: dict[str, float], full: bool) -> str:
    """Whether every published figure is reached that can be measured here."""
    comparable = [split for split in published if split in measured]
    if not published:
        return "nothing published"
    if not full or not comparable:
        return "not comparable"
    reached = all(statistics.mean(measured[s]) >= published[s] for s in comparable)
    return HELD[0] if reached else HELD[1]


def print_rows(rows: list[dict[str, Any]]) -> None:
    """A table for people."""

    def share(value: float | None) -> str:
        return "" if value is None else f"{value:.2%}"

    table = [("recipe", "source", "split", "published", "measured", "spread", "difference",
              "seconds", "verdict")]  # fmt: skip
    for row in rows:
        for number, (split, cell) in enumerate(row["splits"].items()):
            difference = cell["difference"]
            points = "" if difference is None else f"{100 * difference:+.2f} points"
            if None not in (cell["published"], cell["measured"]) and row["verdict"] not in HELD:
                points = "not comparable"  # few updates, or the bundled sample
            table.append((
                row["recipe"] if number == 0 else "",
                row["source"] if number == 0 else "",
                split,
                share(cell["published"]),
                share(cell["measured"]),
                share(cell["spread"]),
                points,
                f"{row['seconds']:.1f}" if number == 0 else "",
                row["verdict"] if number == 0 else "",
            ))  # fmt: skip
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    for line in table:
        click.echo("  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip())
