"""A run folder read back as the plan it was started with, and what has changed since. No torch."""

import json
import os
import shlex
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from importlib import metadata
from pathlib import Path
from typing import Any

from clfw.api import run_files
from clfw.api.components import Kind
from clfw.api.params import Layer, Params, Resolved, params_class, resolve
from clfw.api.preprocess import Preprocess
from clfw.artifacts import run_folder
from clfw.artifacts.weights_header import is_preprocess, lost_weights
from clfw.config.data_choice import DataChoice
from clfw.config.data_params import DataParams
from clfw.config.described_network import embed
from clfw.config.memory import MEMORY_FORMATS, MemoryFormat
from clfw.config.plan import Plan
from clfw.config.recipe import Recipe
from clfw.config.resolution import ResolvedComponent
from clfw.data.opening import DecodedImages
from clfw.data.split_file import first_other_row
from clfw.errors import ClfwError, DataError, InputMissing, UsageError
from clfw.io import text_files
from clfw.plugins.manager import Catalog
from clfw.plugins.plugin import Plugin
from clfw.plugins.plugin_files import file_options
from clfw.text import escape

MAX_THREADS = 1024


class RunState(Enum):
    """What a run folder holds."""

    UNFINISHED = "training is not at its end"
    FINISHED = "everything is there"
    WEIGHTS_LOST = "everything but a sound weights file"


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedRun:
    """A run folder's own account.

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
    except (ClfwError, OSError, KeyError, TypeError):  # `read_run` says what is wrong
        return []


def read_run(
    folder: Path, catalog: Catalog, data_folder: Path, disabled: Collection[str] = ()
) -> RecordedRun:
    """The plan of a run, validated against what is installed now; without loggers that are off.

    Raises:
        InputMissing, DataError: no run folder, or a damaged one.
        PluginError: a component is no longer installed.
    """
    for name in (run_files.PLAN, run_files.DATA, run_files.ENVIRONMENT):
        if not (folder / name).exists():
            raise InputMissing(f"{escape(str(folder))}: is no run folder: it has no {name}")
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
            hint="put it back as it was" if then == now else f"go on with clfw {then}",
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
    reader = choice_of("dataset", {**data, "values": own}, catalog, "data")
    values = values_of(DataParams, common, "data")
    return Plan(
        model=embed(
            choice_of("architecture", recorded["model"], catalog, "model"), catalog, run_files.PLAN
        ),
        data=DataChoice(
            reader=reader,
            common_values=values,
            source=data["source"],
            path=found_again(data, values.params.path, data_folder),
            seen=str(data.get("seen", "")),
        ),
        recipe=values_of(Recipe, recorded["train"], "train"),
        augment=tuple(
            choice_of("augmentation", item, catalog, f"augment.{item['entry']}")
            for item in recorded["augment"]
        ),
        recipe_name=recorded["recipe"],
        device=recorded["device"],
        data_folder=data_folder,
        loggers=tuple(
            catalog.logger(name) for name in recorded.get("observers", ()) if name not in off
        ),
        memory_format=format_of(recorded),
        deterministic=recorded["deterministic"] is True,
        memory_budget=budget if type(budget := recorded.get("memory_budget")) is int else None,
    )


def format_of(recorded: dict[str, Any]) -> MemoryFormat | None:
    """The memory format that was measured for the run, if one was."""
    name = recorded.get("memory_format")
    if name is None:
        return None
    if name not in MEMORY_FORMATS:
        raise ValueError(f"the memory format {name!r} is unknown")
    return MEMORY_FORMATS[MEMORY_FORMATS.index(name)]


def found_again(data: dict[str, Any], name: str, folder: Path) -> Path | None:
    """The run's data where it was, else under the same name in the data folder; None for none.

    Raises:
        InputMissing: it is in neither.
    """
    if data["found"] is None:
        return None
    found, name = Path(data["found"]), name or str(data["entry"])
    places = (found, folder / name, folder / f"{name}.zip", folder / found.name)
    for place in places:
        if os.path.exists(place):  # noqa: PTH110  (takes names that no disk can)
            return place
    raise InputMissing(
        f"data '{escape(str(data['entry']))}': '{escape(str(found))}' is gone, "
        f"and {escape(str(folder))} has no '{escape(found.name)}'",
        hint="put it back, or name the folder that holds it with --data-dir or CLFW_DATA_DIR",
    )


def choice_of(
    kind: Kind, recorded: dict[str, Any], catalog: Catalog, group: str
) -> ResolvedComponent[Any]:
    """A component by its recorded name, which is only ever looked up among installed ones."""
    offer = catalog.find(kind, str(recorded["component"]))
    return ResolvedComponent(
        entry=recorded["entry"],
        component=offer.component,
        plugin=offer.plugin,
        values=values_of(params_class(offer.component), recorded["values"], group),
    )


def values_of(cls: type[Any], recorded: dict[str, dict[str, Any]], group: str) -> Resolved[Any]:
    """Parameters with the origins they were recorded with."""
    layer = Layer("plan.json", {key: cell["value"] for key, cell in recorded.items()})
    resolved: Resolved[Params] = resolve(cls, [layer], group)
    origins = {key: str(cell["origin"]) for key, cell in recorded.items()}
    return replace(resolved, origins={**resolved.origins, **origins})


def version_changes(
    plan: dict[str, Any], environment: dict[str, Any], catalog: Catalog
) -> list[str]:
    """Packages of another version than the run was started with, and another kind of processor."""
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
    """Every value of a plan's JSON that decides the numbers, by dotted name.

    Not the epochs, which a resume may change, nor where a value came from, nor any version.
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
    settled: dict[str, Any] = json.loads(json.dumps(flat))
    return settled


def plan_changes(then: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What differs between two plans' settled values."""
    return [
        f"{escape(key)} was {escape(repr(then.get(key)))} and is {escape(repr(now.get(key)))}"
        for key in sorted(then.keys() | now.keys())
        if then.get(key) != now.get(key)
    ]


def require_same_data(run: RecordedRun, pictures: DecodedImages) -> None:
    """Raise `DataError` when the data is not what the run was started on."""
    if pictures.fingerprint != run.fingerprint:
        which = first_other_row(run.folder, pictures.rows) or "its pictures, labels or classes"
        raise DataError(
            f"data '{run.plan.data.entry}' has changed since the run was started: {which} "
            f"(fingerprint {pictures.fingerprint[:12]}, then {run.fingerprint[:12]})",
            hint="put the data back as it was, or start a new run",
        )


def extended(run: RecordedRun, epochs: int | None) -> RecordedRun:
    """The run with more epochs, if any are asked for.

    Raises:
        UsageError: fewer epochs than are done.
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
    kept = schedule in ("constant", "plateau")
    effect = "goes on as it was" if kept else f"is stretched over {epochs} epochs from here on"
    note = f"epochs {before} -> {epochs}; the {schedule} learning rate {effect}"
    summary = None if epochs > done else run.summary
    return replace(run, plan=plan, summary=summary, extended=note)
