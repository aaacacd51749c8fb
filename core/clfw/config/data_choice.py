"""What the user asked for, and the dataset it resolves to, with its values. No torch, no data read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from clfw.api.components import Dataset
from clfw.api.params import Layer, Params, Resolved, params_class, resolve
from clfw.catalog.registry import Entry
from clfw.config.data_folders import data_folder, locate, missing, require_named_folder
from clfw.config.data_params import DataParams
from clfw.config.resolution import (
    ResolvedComponent,
    resolve_component,
)
from clfw.errors import UsageError
from clfw.plugins.manager import Catalog
from clfw.plugins.plugin import Plugin
from clfw.text import did_you_mean, escape


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What the user asked for.

    Attributes:
        settings: `group.key=value` texts of `--set`.
        options: values of `train` given by options of their own, by key; `--lr` for "lr".
        augment: names of augmentations, in order; None for what the recipe says.
        loggers: plugins that are to hear of finished epochs.
        threads, memory_budget: of the CPU; bytes of decoded pictures. None for the machine's own.
        out: the run folder to make; None for a numbered one under `runs`.
        autotune: measure memory format and threads first.
    """

    model: str = ""
    data: str = ""
    recipe: str = ""
    settings: Sequence[str] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    augment: Sequence[str] | None = None
    loggers: Sequence[str] = ()
    device: str = "auto"
    data_folder: Path | None = None
    require_full: bool = False
    sample: bool = False
    threads: int | None = None
    deterministic: bool = False
    memory_budget: int | None = None
    out: Path | None = None
    autotune: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class DataChoice:
    """A dataset component, where its files are, and how its pictures are prepared.

    Attributes:
        source: "full", or "sample" where the bundled sample replaces absent files.
        path: where the files were found; None for a dataset without files.
        seen: what a reader detected, for data given as a path; else empty.
    """

    reader: ResolvedComponent[Dataset]
    common_values: Resolved[DataParams]
    source: Literal["full", "sample"]
    path: Path | None
    seen: str = ""

    @property
    def entry(self) -> str:
        """The name as typed, or one made from the path."""
        return self.reader.entry

    @property
    def component(self) -> Dataset:
        """The reader's component."""
        return self.reader.component

    @property
    def plugin(self) -> Plugin:
        """The plugin that the reader comes from."""
        return self.reader.plugin

    @property
    def params(self) -> Params:
        """The reader's own parameters."""
        return self.reader.params

    @property
    def common(self) -> DataParams:
        """The parameters that every dataset has."""
        return self.common_values.params

    def to_json(self) -> dict[str, Any]:
        """Plain values, for `plan.json`."""
        path = None if self.path is None else str(self.path)
        common = self.common_values.to_json()
        merged = self.reader.to_json()
        merged["values"] = {**merged["values"], **common}
        seen = {"seen": self.seen} if self.seen else {}
        return {**merged, "source": self.source, "found": path, **seen}


def resolve_data(
    entry: Entry, catalog: Catalog, layers: Sequence[Layer], request: Request
) -> DataChoice:
    """The dataset, its files, or its bundled sample where they are absent."""
    offer = catalog.find("dataset", entry.component)
    cls = params_class(offer.component)
    own = Layer(f"data entry '{entry.name}'", entry.table("values"))
    both = [own, *layers]
    refuse_unknown(both, cls)
    common = resolve(DataParams, only(both, DataParams), "data")
    values = resolve(cls, only(both, cls), "data")
    reader: ResolvedComponent[Any] = ResolvedComponent(
        entry=entry.name, component=offer.component, plugin=offer.plugin, values=values
    )
    if not reader.component.needs_path:
        return DataChoice(reader=reader, common_values=common, source="full", path=None)
    sample = entry.fields.get("sample", "") or reader.component.sample
    if request.sample and (not sample or request.require_full):
        raise UsageError(
            f"--sample: data '{entry.name}' has none, or --require-full refuses it",
            hint="omit one of the two options",
        )
    require_named_folder(request.data_folder)
    folder = request.data_folder or data_folder()
    path = None if request.sample else locate(common, entry, folder)
    if path is not None:
        return DataChoice(
            reader=reader, common_values=common, source="full", path=path, seen=entry.seen
        )
    if not sample or request.require_full or common.origins["path"] == "--set":
        raise missing(common, entry, folder, request.require_full)
    sample_entry = Entry(
        name=entry.name, section="data", origin=entry.origin, fields={"component": sample}
    )
    for key in layers[-1].values:
        if key not in DataParams.model_fields:
            raise UsageError(
                f"--set: data.{escape(key)}: has no effect on the bundled sample, and the files "
                f"of '{entry.name}' are absent",
                hint="omit it, or name the folder of the full set with --data-dir",
            )
    reader = resolve_component("dataset", sample_entry, catalog, [], "data")
    return DataChoice(reader=reader, common_values=common, source="sample", path=None)


def refuse_unknown(layers: Sequence[Layer], cls: type[Params]) -> None:
    """Raise `UsageError` for a key of the data group that neither the reader nor core has."""
    known = [*cls.model_fields, *DataParams.model_fields]
    for layer in layers:
        for key in layer.values:
            if key not in known:
                raise UsageError(
                    f"{layer.origin}: data.{escape(key)}: no such parameter",
                    hint=did_you_mean(key, known, f"known: {', '.join(known)}"),
                )


def only(layers: Sequence[Layer], cls: type[Params]) -> list[Layer]:
    """`layers` with only the keys that `cls` has."""
    return [
        Layer(layer.origin, {k: v for k, v in layer.values.items() if k in cls.model_fields})
        for layer in layers
    ]
