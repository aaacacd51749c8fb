"""What a plugin offers: an architecture, a dataset reader, an augmentation. Declarations only.

The code behind a component is named by a reference, "package.module:object", and imported when it
is needed, so that listing names costs nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from clfw.api.renamed import today
from clfw.errors import ClfwError, PluginError
from clfw.text import escape

Kind = Literal["architecture", "dataset", "augmentation"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Architecture:
    """A network that can be built for a task.

    Attributes:
        name: lower_snake name a person types.
        summary: one line, lower case.
        build: reference to `(params, task) -> nn.Module`, which maps (B, C, H, W) float32 images to
            (B, K) logits, loads nothing, and raises `TaskNotSupported` where it cannot serve.
        params: reference to a `clfw.api.Params` subclass; empty when there are no parameters.
        prepare: reference to `(params, preprocess, weights_folder) -> (params, preprocess)`,
            torch-free, for a network that dictates its input (channels, size, normalisation) or
            whose parameters follow from a file; empty to take the data's own.
        require: reference to `(params, weights_folder) -> None`, torch-free, which raises where a
            file is absent that `initialize` loads; asked before a run decodes pictures. `prepare`
            needs no such file, so that shapes can be shown without it. Empty for no files.
        notes: reference to `(params, preprocess) -> tuple[str, ...]`, torch-free: lines that a run
            and `clfw show` say of the network and its input. Empty for none.
        initialise: reference to `(model, params, weights_folder) -> None`, called on fresh runs
            only, to load pretrained weights; empty when building is all there is.
        parameter_count: trainable and frozen parameters on the document's own task, if known.
        channels: the channel counts it accepts; empty for any.
    """

    name: str
    summary: str
    build: str
    params: str = ""
    prepare: str = ""
    require: str = ""
    notes: str = ""
    initialize: str = ""
    parameter_count: int | None = None
    channels: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Dataset:
    """A reader of pictures and labels.

    Attributes:
        name: lower_snake name a person types.
        summary: one line, lower case.
        open: reference to `(params, path) -> Source`; `path` is where the data was found, or None
            for a dataset that needs no files. Opening decodes nothing.
        params: reference to a `clfw.api.Params` subclass; empty when there are no parameters.
        needs_path: whether there must be files at `data.path`.
        sample: name of a dataset without files that stands in where the files are not there;
            empty for none.
        convert: reference to `(files, target, params, progress) -> None`, which turns published
            files of another layout into what `open` reads at `target`, a path that is not there
            yet; `progress` is a `clfw.api.Progress` of pictures. Empty where files are
            published as they are read.
        detect: reference to `(path, tree, given) -> Detected | None`, which says whether the
            files at `path` are of this kind, and which values read them. `tree` is a
            `clfw.api.FileTree` of them, `given` what a person has set. Torch-free and cheap:
            it reads names, and of a list its first lines. Raises `DataError` where it could read
            them if a person chose between possibilities. Empty for a dataset that cannot tell.
    """

    name: str
    summary: str
    open: str
    params: str = ""
    needs_path: bool = True
    sample: str = ""
    convert: str = ""
    detect: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Augmentation:
    """A random change of training pictures.

    Attributes:
        name: lower_snake name a person types.
        summary: one line, lower case.
        build: reference to `(params, task) -> Augment`, see `clfw.api.Augment`.
        params: reference to a `clfw.api.Params` subclass; empty when there are no parameters.
    """

    name: str
    summary: str
    build: str
    params: str = ""


Component = Architecture | Dataset | Augmentation

KINDS: dict[Kind, type[Component]] = {
    "architecture": Architecture,
    "dataset": Dataset,
    "augmentation": Augmentation,
}


def kind_of(component: Component) -> Kind:
    """The word for what `component` is."""
    return next(kind for kind, cls in KINDS.items() if isinstance(component, cls))


class PluginFault(PluginError):
    """What is wrong with a plugin's code, said where it is not known whose code it is."""


def load(reference: str) -> Callable[..., Any]:
    """Import the object that "package.module:object" names; only ever called on a plugin's own words.

    Raises:
        PluginFault: there is no such object, or importing its module fails.
    """
    import importlib

    module, _, name = reference.partition(":")
    try:
        found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    except ClfwError:
        raise
    except Exception as error:
        why = "; ".join(filter(None, (escape(str(error), 200), today(error))))
        raise PluginFault(
            f"plugin code '{escape(reference)}' cannot be loaded: {type(error).__name__}: {why}"
        ) from error
    return found
