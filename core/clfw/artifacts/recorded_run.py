"""A run folder read back as the plan it was started with, and what has changed since. No torch."""

import json
import os
import shlex
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

from clfw.api import run_files
from clfw.api.components import Kind
from clfw.api.params import TRAINING_GROUPS, Layer, Params, Resolved, params_class, resolve
from clfw.api.preprocess import Preprocess
from clfw.artifacts import run_folder
from clfw.artifacts.weights_header import is_preprocess, lost_weights
from clfw.config.data_choice import DataChoice
from clfw.config.data_params import DataParams
from clfw.config.described_network import embed
from clfw.config.memory import MEMORY_FORMATS, MemoryFormat
from clfw.config.plan import Plan
from clfw.config.recipe import MOVED, TABLES, Recipe, TrainParams, whole_recipe
from clfw.config.resolution import ResolvedComponent
from clfw.config.schedules import SCHEDULES
from clfw.data.opening import DecodedImages
from clfw.data.split_file import first_other_row
from clfw.errors import ClfwError, DataError, InputMissing, UsageError
from clfw.io import text_files
from clfw.plugins.manager import Catalog
from clfw.plugins.plugin import Plugin
from clfw.plugins.plugin_files import file_options
from clfw.text import escape

MAX_THREADS = 1024
NEWER = ("loss", "decay_norm_and_bias", "layer_decay")  # keys that no flat `train` table has
T = TypeVar("T")


class RunState(Enum):
    """What a run folder holds."""

    UNFINISHED = "training is not at its end"
    FINISHED = "everything is there"
    WEIGHTS_LOST = "everything but a sound weights file"


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedRun:
    """A run as its folder records it.

    Attributes:
        threads: CPU threads that the numbers were computed with.
        changes: versions that differ from the present ones; the bits may differ then.
        summary: of a finished run; None where there is training left to do.
        extended: what more epochs do to the learning rate, where a resume adds some; "" otherwise.
    """

    folder: Path
    plan: Plan
    preprocess: Preprocess
    fingerprint: str
    threads: int
    changes: tuple[str, ...]
    summary: dict[str, Any] | None
    extended: str = ""

    @property
    def state(self) -> RunState:
        """Whether there is anything left to do."""
        if self.summary is None:
            return RunState.UNFINISHED
        return RunState.WEIGHTS_LOST if lost_weights(self.folder) else RunState.FINISHED


def resume_command(plan: Plan, folder: Path, without: Plugin | None = None) -> str:
    """What a person types to go on, with the plugin files that the run needs."""
    loggers = [plugin for plugin in plan.loggers if plugin != without]
    files = file_options([*(part.plugin for part in plan.parts), *loggers])
    left_out = ["--disable-plugin", without.name] if without else []
    return shlex.join(["clfw", "resume", str(folder), *files, *left_out])


def recorded_loggers(folder: Path) -> list[str]:
    """The plugins that a run was started with to hear of it; none where that cannot be read."""
    try:
        return [str(name) for name in text_files.read_json(folder / run_files.PLAN)["observers"]]
    except (ClfwError, OSError, KeyError, TypeError):  # `read_run` reports it
        return []


def read_run(
    folder: Path, catalog: Catalog, data_folder: Path, disabled: Collection[str] = ()
) -> RecordedRun:
    """The plan of a run, validated against what is installed now, without loggers that are off.

    Raises:
        InputMissing, DataError: not a run folder, or a damaged one.
        PluginError: a component is no longer installed.
    """
    for name in (run_files.PLAN, run_files.DATA, run_files.ENVIRONMENT):
        if not (folder / name).exists():
            raise InputMissing(f"{escape(str(folder))}: not a run folder: it has no {name}")
    plan_json, data = (
        text_files.read_json(folder / run_files.PLAN),
        text_files.read_json(folder / run_files.DATA),
    )
    environment = text_files.read_json(folder / run_files.ENVIRONMENT)
    summary = folder / run_files.SUMMARY
    finished = text_files.read_json(summary) if summary.exists() else None
    try:
        if not is_preprocess(data["preprocess"]):
            raise ValueError("the preprocess is malformed")
        if finished is not None and type(finished["epochs"]) is not int:
            raise ValueError("the summary is malformed")
        fields = dict(data["preprocess"])
        fields["mean"], fields["std"] = tuple(fields["mean"]), tuple(fields["std"])
        return RecordedRun(
            folder=folder,
            plan=plan_of(plan_json, catalog, data_folder, disabled),
            preprocess=Preprocess(**fields),
            fingerprint=str(data["fingerprint"]),
            threads=min(max(int(environment["threads"]), 1), MAX_THREADS),
            changes=tuple(version_changes(plan_json, environment, catalog)),
            summary=finished,
        )
    except UsageError as error:
        then, now = escape(str(plan_json.get("clfw"))), metadata.version("clfw")
        raise DataError(
            f"{escape(str(folder))}: {error.message} (written by clfw {then}, this is {now})",
            hint="restore the file" if then == now else f"continue with clfw {then}",
        ) from None
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise DataError(f"{escape(str(folder))}: damaged: {escape(repr(error))}") from None


def plan_of(
    recorded: dict[str, Any], catalog: Catalog, data_folder: Path, disabled: Collection[str]
) -> Plan:
    """The plan that `Plan.to_json` wrote."""
    off = {*disabled, *(plugin.name for plugin in catalog.plugins if plugin.state == "off")}
    data = recorded["data"]
    common = {k: v for k, v in data["values"].items() if k in DataParams.model_fields}
    own = {k: v for k, v in data["values"].items() if k not in DataParams.model_fields}
    reader = component_of("dataset", {**data, "values": own}, catalog, "data")
    values = values_of(DataParams, common, "data")
    return Plan(
        model=embed(
            component_of("architecture", recorded["model"], catalog, "model"),
            catalog,
            run_files.PLAN,
        ),
        data=DataChoice(
            reader=reader,
            common_values=values,
            source=data["source"],
            path=relocated_data(data, values.params.path, data_folder),
            seen=str(data.get("seen", "")),
        ),
        recipe=recorded_recipe(recorded),
        augment=tuple(
            component_of("augmentation", item, catalog, f"augment.{item['entry']}")
            for item in recorded["augment"]
        ),
        recipe_name=recorded["recipe"],
        device=recorded["device"],
        data_folder=data_folder,
        loggers=tuple(
            catalog.logger(name) for name in recorded.get("observers", ()) if name not in off
        ),
        memory_format=memory_format_of(recorded),
        deterministic=recorded["deterministic"] is True,
        memory_budget=budget if type(budget := recorded.get("memory_budget")) is int else None,
    )


def memory_format_of(recorded: dict[str, Any]) -> MemoryFormat | None:
    """The memory format that autotuning chose for the run, if it ran."""
    name = recorded.get("memory_format")
    if name is None:
        return None
    if name not in MEMORY_FORMATS:
        raise ValueError(f"the memory format {name!r} is unknown")
    return MEMORY_FORMATS[MEMORY_FORMATS.index(name)]


def relocated_data(data: dict[str, Any], name: str, folder: Path) -> Path | None:
    """The run's data where it was, else by name in the data folder; None for data without files.

    Raises:
        InputMissing: it is in neither place.
    """
    if data["found"] is None:
        return None
    found, name = Path(data["found"]), name or str(data["entry"])
    candidates = (found, folder / name, folder / f"{name}.zip", folder / found.name)
    for path in candidates:
        if os.path.exists(path):  # noqa: PTH110  (accepts names that no disk can hold)
            return path
    raise InputMissing(
        f"data '{escape(str(data['entry']))}': '{escape(str(found))}' is gone, "
        f"and {escape(str(folder))} has no '{escape(found.name)}'",
        hint="restore it, or name the folder that contains it with --data-dir or CLFW_DATA_DIR",
    )


def component_of(
    kind: Kind, recorded: dict[str, Any], catalog: Catalog, group: str
) -> ResolvedComponent[Any]:
    """A component by its recorded name, looked up among the installed ones only."""
    offer = catalog.find(kind, str(recorded["component"]))
    return ResolvedComponent(
        entry=recorded["entry"],
        component=offer.component,
        plugin=offer.plugin,
        values=values_of(params_class(offer.component), recorded["values"], group),
    )


def recorded_recipe(recorded: dict[str, Any]) -> Resolved[Recipe]:
    """The recipe of a plan, of one with a flat `train` table too."""
    groups = {group: recorded[group] for group in TRAINING_GROUPS if group in recorded}
    if groups.keys() == {"train"}:
        names = {key: cell["value"] for key, cell in recorded["train"].items() if key in TABLES}
        groups = train_in_groups(recorded["train"], names)
    train = values_of(TrainParams, groups["train"], "train")
    own = {
        group: values_of(table[getattr(train.params, group)].params, groups[group], group)
        for group, table in TABLES.items()
    }
    return whole_recipe(train, own)


def train_in_groups(flat: Mapping[str, T], names: Mapping[str, str]) -> dict[str, dict[str, T]]:
    """The groups of a `train` table from before there were any; `names` are what it chooses.

    Each choice takes its own values along; those of other choices, which had no effect, are dropped.
    """
    groups: dict[str, dict[str, T]] = {group: {} for group in TRAINING_GROUPS}
    for key, value in flat.items():
        group, _, name = MOVED.get(key, f"train.{key}").partition(".")
        if group == "train":
            groups[group][name] = value
            continue
        chosen = TABLES[group].get(names.get(group, TrainParams.model_fields[group].default))
        if chosen is not None and name in chosen.params.model_fields:
            groups[group][name] = value
    return groups


def values_of(cls: type[Any], recorded: dict[str, dict[str, Any]], group: str) -> Resolved[Any]:
    """Parameters with the origins they were recorded with."""
    layer = Layer("plan.json", {key: cell["value"] for key, cell in recorded.items()})
    resolved: Resolved[Params] = resolve(cls, [layer], group)
    origins = {key: str(cell["origin"]) for key, cell in recorded.items()}
    return replace(resolved, origins={**resolved.origins, **origins})


def version_changes(
    plan: dict[str, Any], environment: dict[str, Any], catalog: Catalog
) -> list[str]:
    """Packages whose version has changed since the run was started, and a changed processor."""
    changes = []
    for package, then in environment["packages"].items():
        try:
            now = metadata.version(package)
        except metadata.PackageNotFoundError:
            now = "absent"
        if now != then:
            changes.append(f"{escape(package)} was {escape(str(then))} and is {now}")
    for part in (plan["model"], plan["data"], *plan["augment"]):
        now = {p.package: p.version for p in catalog.plugins}.get(part["package"], "absent")
        if now != part["version"] and part["package"] not in environment["packages"]:
            then = escape(str(part["version"]))
            changes.append(f"{escape(part['package'])} was {then} and is {now}")
    then, now = environment["processor"], run_folder.environment({})["processor"]
    if now != then:
        changes.append(f"the processor was {escape(str(then))} and is {now}")
    return changes


def device_change(folder: Path, facts: Mapping[str, str]) -> str:
    """What computes now and did not when the run was started; "" where it is the same.

    Runs of earlier versions do not say which instruction set the processor had.
    """
    recorded = text_files.read_json(folder / run_files.ENVIRONMENT)
    then, now = (str(kind.get("device", "")).partition(" ")[0] for kind in (recorded, facts))
    if then != now:
        return f"the device was {escape(then)} and is {now}"
    then, now = (str(kind.get("instructions", "")) for kind in (recorded, facts))
    if then and now and then != now:
        return f"the processor's instruction set was {escape(then)} and is {now}"
    return ""


def frozen_values(plan: dict[str, Any]) -> dict[str, Any]:
    """Every value of a plan's JSON that affects the numbers, by dotted name.

    Without the epochs, which a resume may change, the origins of values, and versions.
    """
    flat: dict[str, Any] = {}

    def walk(name: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(f"{name}.{key}" if name else key, inner)
        elif name.rpartition(".")[2] not in ("origin", "version"):
            flat[name.removesuffix(".value")] = value

    walk("", {k: v for k, v in plan.items() if k != "augment"})
    for number, item in enumerate(plan["augment"], 1):
        walk(f"augment.{number}", item)
    for key in ("clfw", "data.found", "memory_budget", "observers", "threads", "train.epochs"):
        flat.pop(key, None)
    frozen: dict[str, Any] = json.loads(json.dumps(flat))
    return frozen


def frozen_in_groups(frozen: dict[str, Any]) -> dict[str, Any]:
    """Frozen values by today's names; those of a flat `train` table with the defaults of newer keys."""
    if "train.loss" in frozen:
        return frozen
    others = {key: value for key, value in frozen.items() if not key.startswith("train.")}
    flat = {key.removeprefix("train."): frozen[key] for key in frozen.keys() - others.keys()}
    newer = {key: TrainParams.model_fields[key].default for key in NEWER}
    groups = train_in_groups(newer | flat, flat)
    return others | {f"{g}.{key}": value for g, own in groups.items() for key, value in own.items()}


def plan_changes(then: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What differs between two plans' frozen values."""
    then = frozen_in_groups(then)
    return [
        f"{escape(key)} was {escape(repr(then.get(key)))} and is {escape(repr(now.get(key)))}"
        for key in sorted(then.keys() | now.keys())
        if then.get(key) != now.get(key)
    ]


def require_same_data(run: RecordedRun, pictures: DecodedImages) -> None:
    """Raise `DataError` if the data has changed since the run was started."""
    if pictures.fingerprint != run.fingerprint:
        which = first_other_row(run.folder, pictures.rows) or "its pictures, labels or classes"
        raise DataError(
            f"data '{run.plan.data.entry}' has changed since the run was started: {which} "
            f"(fingerprint {pictures.fingerprint[:12]}, then {run.fingerprint[:12]})",
            hint="restore the data, or start a new run",
        )


def with_epochs(run: RecordedRun, epochs: int | None) -> RecordedRun:
    """The run with more epochs, if any are asked for.

    Raises:
        UsageError: fewer epochs than planned, or the run cannot be extended.
    """
    if epochs is None:
        return run
    recipe = run.plan.recipe
    done = run.summary["epochs"] if run.summary else 0
    if run.summary and run.summary.get("stopped") and epochs > done:
        raise UsageError(
            f"--epochs {epochs}: the run {escape(str(run.summary['stopped']))}, "
            "and would stop there again",
            hint="start a new run with a larger train.patience",
        )
    if epochs < recipe.params.epochs or recipe.params.steps is not None:
        raise UsageError(
            f"--epochs {epochs}: the run was planned for {recipe.params.epochs} epochs"
            if recipe.params.steps is None
            else "--epochs: the run is limited by train.steps",
            hint="a resume can only add epochs",
        )
    before = recipe.params.epochs
    params = recipe.params.model_copy(update={"epochs": epochs})
    origins = {**recipe.origins, "epochs": "clfw resume --epochs"}
    plan = replace(run.plan, recipe=Resolved(params, origins))
    schedule = recipe.params.schedule
    stretched = SCHEDULES[schedule].uses_total
    effect = (
        f"is stretched over {epochs} epochs from here on" if stretched else "continues unchanged"
    )
    note = f"epochs {before} -> {epochs}; the {schedule} learning rate {effect}"
    summary = None if epochs > done else run.summary
    return replace(run, plan=plan, summary=summary, extended=note)
