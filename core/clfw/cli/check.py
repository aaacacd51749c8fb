"""`clfw data check`: what is wrong with a dataset, before a training finds out."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

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
from clfw.errors import ClfwError, DataError
from clfw.io.terminal import say
from clfw.text import MAX_LISTED, escape, plural

if TYPE_CHECKING:
    from clfw.audit.findings import Finding
    from clfw.audit.full_check import CheckReport
    from clfw.catalog.environment import Environment
    from clfw.config.data_choice import DataChoice

EXAMPLES = 3  # lines that are shown of a finding; --json has all
CLASSES = 12  # classes that are shown with their counts
BAR = 30  # characters of the longest bar of a histogram
HEADINGS = {
    "error": "stops a training",
    "warning": "falsifies a training or its figures",
    "info": "worth knowing",
}


@click.command("check")
@click.argument("name", metavar="NAME|PATH", shell_complete=complete("data"))
@click.option("--near", is_flag=True, help="Look for photographs that look nearly the same too.")
@click.option(
    "--write-exclude",
    "listed",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the rows to leave out; a run takes the file by --set data.exclude=FILE.",
)
@settings_option
@data_dir_option
@lookup_options
@json_option
def check(
    name: str,
    near: bool,
    listed: Path | None,
    settings: tuple[str, ...],
    data_dir: Path | None,
    registry: Path | None,
    disabled: tuple[str, ...],
    as_json: bool,
) -> None:
    """Look at every row and picture of a dataset, and tell what is wrong with it.

    Ends with exit code 65 where something would stop a training or falsify it, else with 0.

    \b
    clfw data check photos
    clfw data check photos --write-exclude bad.csv
    clfw data check photos --set data.exclude=bad.csv
    """
    from clfw.audit.full_check import error_finding, full_check
    from clfw.data.exclusion import require_new, write_list
    from clfw.io.progress_bars import show_progress

    try:
        choice = chosen(name, settings, data_dir, load_catalog(registry, disabled))
        if listed is not None:
            require_new(listed)
        start = time.perf_counter()
        report = full_check(choice, near, show_progress)
        seconds = time.perf_counter() - start
    except ClfwError as error:
        if as_json:
            found = [error_finding("data", error).to_json(None)]
            print_json({"data": name, "sound": False, "findings": found})
        raise
    if listed is not None:
        lines = report.exclusions()
        write_list(listed, lines)
        say(f"{listed}: {plural(len(lines), 'row')} to leave out, by --set data.exclude={listed}")
    if as_json:
        print_json({"data": name, "source": choice.source, **to_json(report)})
    else:
        source = "full set" if choice.source == "full" else "bundled sample"
        print_report(report, f"{name}: {source}", seconds)
    if not report.sound:
        raise unsound(report, name, listed)


def chosen(
    name: str, settings: tuple[str, ...], data_dir: Path | None, environment: "Environment"
) -> "DataChoice":
    """The data that is meant; says how a path is read."""
    from clfw.api.params import Layer, parse_settings
    from clfw.catalog.detection import find_data
    from clfw.config.data_choice import Request, resolve_data

    given = parse_settings(settings)
    refuse_other_groups(given)
    entry = find_data(name, given["data"], environment.catalog, environment.registry)
    request = Request(data=name, data_folder=data_dir)
    choice = resolve_data(entry, environment.catalog, [Layer("--set", given["data"])], request)
    say_seen(name, choice.seen, choice.component.name)
    return choice


def refuse_other_groups(given: dict[str, dict[str, Any]]) -> None:
    """Raise for `--set` of what only a run has."""
    from clfw.errors import UsageError

    for group, values in given.items():
        if group != "data" and values:
            raise UsageError(f"--set {group}: nothing is trained here", hint="set data.KEY alone")


def to_json(report: "CheckReport") -> dict[str, Any]:
    """The report as plain values."""
    from clfw.audit.summary import dataset_summary

    table = None if report.rows is None else report.rows.table
    numbers = {}
    if report.rows is not None and report.scan is not None:
        numbers = dataset_summary(report.scan, report.rows, report.groups)
    found = [finding.to_json(table) for finding in report.findings]
    return {"sound": report.sound, **numbers, "findings": found}


def print_report(report: "CheckReport", title: str, seconds: float) -> None:
    """What the set holds, then what is wrong with it, the worst first."""
    facts = to_json(report)
    if report.scan is None:
        click.echo(f"{title}, whose rows cannot be read")
    else:
        how = "as seen before, in" if report.scan.cached else "looked at in"
        pictures = plural(facts["pictures"], "picture")
        click.echo(f"{title}, {pictures} {how} {seconds:.1f} s")
        print_portrait(facts)
    for level, heading in HEADINGS.items():
        found = [finding for finding in report.findings if finding.level == level]
        if found:
            click.echo(f"\n{heading}:")
        for finding in found:
            print_finding(finding)
    if report.sound:
        click.echo("\nsound: nothing stops or falsifies a training")


def print_portrait(facts: dict[str, Any]) -> None:
    """Splits, classes, formats, sizes and brightness, a line each, and a histogram of the sizes."""
    splits = {name: split for name, split in facts["splits"].items() if split["pictures"]}
    counts = ", ".join(
        f"{split['pictures']:,} {name}{' (no labels)' if split['without_label'] else ''}"
        for name, split in splits.items()
    )
    left_out = f"; {facts['left_out']:,} left out" if facts["left_out"] else ""
    click.echo(f"splits   {counts}{left_out}")
    train = facts["splits"]["train"]["classes"]
    ordered = sorted(train.items(), key=lambda item: -item[1])
    some = ", ".join(f"{escape(name, 30)} {count:,}" for name, count in ordered[:CLASSES])
    more = f", and {len(ordered) - CLASSES:,} smaller ones" if len(ordered) > CLASSES else ""
    click.echo(f"classes  {len(train):,}: {some}{more} (training pictures)")
    click.echo("formats  " + ", ".join(f"{kind} {n:,}" for kind, n in facts["formats"].items()))
    if (equal := facts["equal"])["groups"]:
        click.echo(
            f"equal    {equal['pictures']:,} pictures in {plural(equal['groups'], 'group')} of equal "
            f"pixels, {equal['groups_of_equal_files']:,} of them equal byte for byte"
        )
    if facts["mean"]:
        mean, std = (" ".join(f"{v:.3f}" for v in facts[key]) for key in ("mean", "std"))
        click.echo(f"levels   mean {mean}, deviation {std} (training pixels over 255)")
    if facts["sizes"]:
        print_sizes(facts["sizes"])


def print_sizes(sizes: dict[str, Any]) -> None:
    """The range of both sides, and a histogram of the longer one where sizes differ."""
    height, width = sizes["height"], sizes["width"]
    if (height["least"], width["least"]) == (height["most"], width["most"]):
        click.echo(f"sizes    all {height['least']}x{width['least']}")
        return
    click.echo(
        f"sizes    height {height['least']} to {height['most']}, median {height['median']}; "
        f"width {width['least']} to {width['most']}, median {width['median']}; longer side:"
    )
    most = max(sizes["longer_side"].values())
    for name, count in sizes["longer_side"].items():
        click.echo(f"  {name:>13}  {count:>7,}  {'#' * max(1, round(BAR * count / most))}")


def print_finding(finding: "Finding") -> None:
    """The sentence and the first examples; a lone one on the same line."""
    lone = f": {finding.details[0]}" if len(finding.details) == 1 else ""
    click.echo(f"  {finding.summary}{lone}")
    most = MAX_LISTED + 1 if finding.level == "error" else EXAMPLES
    for line in () if lone else finding.details[:most]:
        click.echo(f"    {line}")
    if len(finding.details) > most:
        click.echo(f"    and {len(finding.details) - most:,} more")
    if finding.remedy:
        click.echo(f"    hint: {finding.remedy}")


def unsound(report: "CheckReport", name: str, listed: Path | None) -> DataError:
    """The error that a check ends with where it found a fault."""
    faults = sum(finding.level != "info" for finding in report.findings)
    if listed is not None:
        hint = f"leave these rows out with --set data.exclude={listed}, and check again"
    elif report.rows is not None and len(report.exclusions()) > len(report.rows.left_out):
        hint = "mend the data, or let --write-exclude FILE list rows to leave out; --json names all rows"
    else:
        hint = "mend the data and check again"
    return DataError(f"{name}: {plural(faults, 'fault')}, as told above", hint=hint)
