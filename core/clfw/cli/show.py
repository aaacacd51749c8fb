"""`clfw show`: everything about one name."""

from dataclasses import asdict
from itertools import pairwise
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

if TYPE_CHECKING:
    from clfw.api.components import Component
    from clfw.catalog.environment import Environment
    from clfw.catalog.registry import Entry
    from clfw.plots.model_summary import LayerSummary


@click.command()
@click.argument("name", shell_complete=complete())
@click.option(
    "--data",
    default="",
    shell_complete=complete("data"),
    help="Show model NAME layer by layer, as built for this data.",
)
@settings_option
@data_dir_option
@lookup_options
@json_option
def show(
    name: str,
    data: str,
    settings: tuple[str, ...],
    data_dir: Path | None,
    registry: Path | None,
    disabled: tuple[str, ...],
    as_json: bool,
) -> None:
    """Show a model, data, recipe or augmentation: origin, values, parameters, an example.

    \b
    clfw show fashion_cnn
    clfw show fashion_cnn --data fashion_csv --set model.width=8
    """
    environment = load_catalog(registry, disabled)
    if data:
        show_layers(name, data, settings, data_dir, environment, as_json)
        return
    found = facts(name, environment)
    if as_json:
        print_json(found)
        return
    for part in found:
        print_facts(part)


def facts(name: str, environment: "Environment") -> list[dict[str, Any]]:
    """What is known of each thing of that name; `UsageError` when there is none."""
    from clfw.api.params import describe, params_class
    from clfw.catalog.registry import SECTIONS, Section
    from clfw.config.data_params import DataParams
    from clfw.errors import UsageError
    from clfw.plugins.plugin_files import file_options
    from clfw.text import did_you_mean, escape

    found = []
    kinds: dict[Section, Any] = {"models": "architecture", "data": "dataset"}
    for section in SECTIONS:
        kind = kinds.get(section)
        if (section, name) not in environment.registry.entries and (
            kind,
            name,
        ) not in environment.catalog.offers:
            continue
        entry = environment.registry.find(section, name, environment.catalog)
        part: dict[str, Any] = {"kind": section, "name": name, "origin": entry.origin}
        hidden = ("component", "fetch", "convert")
        part |= {key: value for key, value in entry.fields.items() if key not in hidden}
        if "fetch" in entry.fields:
            part["fetch"] = f"clfw fetch {name}"
        if kind:
            offer = environment.catalog.find(kind, entry.component)
            cls = params_class(offer.component)
            part |= {"component": entry.component, "plugin": offer.plugin.origin}
            part |= facts_of(offer.component)
            group = "model" if section == "models" else "data"
            unset = getattr(offer.component, "embeds", "")  # nobody sets it
            rows = [row for row in describe(cls) if row.name != unset]
            part["parameters"] = described(rows, group, entry.table("values"))
            if section == "models":
                part["parameters"] += training_parameters(entry)
            if section == "data":
                extra = describe(DataParams)
                part["parameters"] += described(extra, group, entry.table("values"))
        part |= recipes_of(section, name, environment)
        part["example"] = example(entry, environment)
        found.append(part)
    if ("augmentation", name) in environment.catalog.offers:
        offer = environment.catalog.find("augmentation", name)
        part = {"kind": "augment", "name": name, "plugin": offer.plugin.origin}
        part["summary"] = offer.component.summary
        cls = params_class(offer.component)
        part["parameters"] = described(describe(cls), f"augment.{name}", {})
        part["example"] = " ".join(
            ["clfw run --model fashion_cnn --data animals3", f"--augment {name}",
             *file_options([offer.plugin])]
        )  # fmt: skip
        found.append(part)
    if not found:
        known = [n for s in SECTIONS for n in environment.registry.names(s)]
        known += [n for _, n in environment.catalog.offers]
        raise UsageError(
            f"nothing is named '{escape(name)}'",
            hint=did_you_mean(name, known, "list them all: clfw list"),
        )
    return found


def training_parameters(entry: "Entry") -> list[dict[str, Any]]:
    """Parameters of the optimizer, schedule and loss that a model entry chooses."""
    from clfw.api.params import describe
    from clfw.config.recipe import TABLES, TrainParams

    rows = []
    for group, table in TABLES.items():
        usual = TrainParams.model_fields[group].default
        chosen = table.get(str(entry.table("train").get(group, usual)))
        if chosen is not None:  # a run says what is wrong with another name
            rows += described(describe(chosen.params), group, entry.table(group))
    return rows


def facts_of(component: "Component") -> dict[str, Any]:
    """What a component declares of itself, where it does."""
    facts: dict[str, Any] = {}
    if count := getattr(component, "parameter_count", None):
        facts["size"] = f"{count:,} parameters for the task it was made for"
    if channels := getattr(component, "channels", ()):
        facts["channels"] = " or ".join(map(str, channels))
    if sample := getattr(component, "sample", ""):
        facts["sample"] = sample
    return facts


def recipes_of(section: str, name: str, environment: "Environment") -> dict[str, Any]:
    """The recipes that use a model or data, each with what is published of it."""
    key = {"models": "model", "data": "data"}.get(section)
    if key is None:
        return {}
    recipes = {
        recipe.name: recipe.table("published")
        for (s, _), recipe in environment.registry.entries.items()
        if s == "recipes" and recipe.fields.get(key) == name
    }
    return {"recipes": recipes} if recipes else {}


def in_words(value: Any) -> str:
    """A fact on one line: tables as "key value", recipes with their published accuracies."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {in_words(part)}".rstrip() for key, part in value.items())
    return str(value)


def described(rows: list[Any], group: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    """Parameters as plain rows, each with the value that the entry gives it."""
    return [
        {
            "key": f"{group}.{row.name}",
            "type": row.kind,
            "default": row.default,
            "entry": values.get(row.name),
            "allowed": row.allowed,
            "meaning": row.meaning,
        }
        for row in rows
    ]


def example(entry: "Entry", environment: "Environment") -> str:
    """A command that uses the entry, with the files that it needs: of a plugin, weights, pictures."""
    from clfw.plugins.plugin_files import file_options

    if entry.section == "recipes":
        fetch = fetching(
            environment.registry.entries.get(("models", str(entry.fields.get("model"))))
        )
        return f"{fetch}clfw run --recipe {entry.name}"
    if entry.section == "models":
        offer = environment.catalog.find("architecture", entry.component)
        data = data_for_model(entry, getattr(offer.component, "channels", ()), environment)
        command = f"{fetching(entry)}clfw run --model {entry.name} --data {data}"
    else:
        offer = environment.catalog.find("dataset", entry.component)
        command = f"clfw run --model fashion_cnn --data {entry.name}"
        if getattr(offer.component, "needs_path", False) and not entry.path:
            command += " --set data.path=PATH"
    return " ".join([command, *file_options([offer.plugin])])


def fetching(model: "Entry | None") -> str:
    """The command before a run of the model that brings its weights; empty for none."""
    return f"clfw fetch {model.name} && " if model and "fetch" in model.fields else ""


def data_for_model(model: "Entry", channels: tuple[int, ...], environment: "Environment") -> str:
    """Data that suits a model: what a recipe of it or of one built alike names, else its channels."""
    entries = environment.registry.entries
    recipes = [entry.fields for (section, _), entry in entries.items() if section == "recipes"]
    named = {str(fields.get("model")): str(fields.get("data")) for fields in recipes}
    if model.name in named:
        return named[model.name]
    for name, data in named.items():
        kin = entries.get(("models", name))
        if kin is not None and kin.component == model.component:
            return data
    return "fashion_csv" if not channels or 1 in channels else "animals3"


def print_facts(part: dict[str, Any]) -> None:
    """One thing for a person to read."""
    click.echo(f"{part.pop('name')} ({part.pop('kind')})")
    parameters = part.pop("parameters", [])
    for key, value in part.items():
        click.echo(f"  {key:<10} {in_words(value)}")
    if parameters:
        click.echo("  parameters")
    for row in parameters:
        value = row["default"] if row["entry"] is None else f"{row['entry']} (entry)"
        allowed = f" [{row['allowed']}]" if row["allowed"] else ""
        click.echo(f"    {row['key']} = {value}  {row['type']}{allowed}: {row['meaning']}")


def show_layers(
    name: str,
    data: str,
    settings: tuple[str, ...],
    data_dir: Path | None,
    environment: "Environment",
    as_json: bool,
) -> None:
    """The network that would be trained on the data, or on its bundled sample."""
    from clfw.config.data_choice import Request
    from clfw.config.plan import resolve_plan
    from clfw.data.negotiation import model_notes, negotiate_preprocess
    from clfw.data.opening import open_data, task_of

    request = Request(model=name, data=data, settings=settings, data_folder=data_dir)
    plan = resolve_plan(request, environment.catalog, environment.registry)
    say_seen(data, plan.data.seen, plan.data.component.name)
    opened = open_data(plan.data)
    plan, preprocess = negotiate_preprocess(plan, opened, environment.catalog)
    task = task_of(opened.rows, preprocess)

    from clfw.plots.model_summary import summarize

    anatomy = summarize(plan.model, task)
    layers, total = anatomy.layers, anatomy.parameters
    if as_json:
        rows = [{**asdict(layer), "agrees": layer.agrees} for layer in layers]
        loose = dict(zip(("parameters", "multiply_adds"), anatomy.elsewhere, strict=True))
        print_json({"layers": rows, "elsewhere": loose, "parameters": total,
                    "multiply_adds": anatomy.multiply_adds})  # fmt: skip
        return
    click.echo(f"{name} for {data}: {task.channels} x {task.height} x {task.width} pixels in, "
               f"{task.num_classes} classes out")  # fmt: skip
    for line in model_notes(plan, preprocess):
        click.echo(line)
    click.echo("by the formula: floor((W - F + 2P) / S) + 1")
    header = ("layer", "kind", "kernel", "stride", "padding", "formula", "output", "parameters",
              "multiply-adds")  # fmt: skip
    table = [header, *(cells(layer) for layer in layers)]
    if any(anatomy.elsewhere):
        loose_parameters, loose_products = anatomy.elsewhere
        table.append(("elsewhere", *[""] * 6, f"{loose_parameters:,}", f"{loose_products:,}"))
    table.append(("total", *[""] * 6, f"{total:,}", f"{anatomy.multiply_adds:,}"))
    widths = [max(len(row[column]) for row in table) for column in range(len(header))]
    for row in table:
        left = [row[i].ljust(widths[i]) for i in range(7)]
        right = [row[i].rjust(widths[i]) for i in range(7, 9)]
        click.echo("  ".join([*left, *right]).rstrip())
    if any(anatomy.elsewhere):
        click.echo("elsewhere: in no layer, as products of attention, or those for a mirror image")
    if anatomy.trained < total:
        click.echo(f"{total:,} parameters, {anatomy.trained:,} of them trained")
    kinds = [layer.kind for layer in layers]
    if ("MaxPool2d", "ReLU") in pairwise(kinds):
        click.echo("ReLU after max-pooling gives the same result as before it, in less time")


def cells(layer: "LayerSummary") -> tuple[str, ...]:
    """One line of the table."""

    def times(pair: tuple[int, ...] | None) -> str:
        return "" if pair is None else "x".join(map(str, pair))

    expected = times(layer.expected) if layer.agrees else f"{times(layer.expected)} DIFFERS"
    return (
        layer.name,
        layer.kind,
        times(layer.kernel),
        times(layer.stride),
        times(layer.padding),
        expected,
        times(layer.output),
        f"{layer.parameters:,}",
        f"{layer.multiply_adds:,}",
    )
