"""What Python code can do with clfw: train, resume, evaluate, predict, load. The commands do the same.

Each raises the errors that the command line prints: `ClfwError` with `message`, `hint`, `exit_code`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from clfw.errors import UsageError
from clfw.text import did_you_mean, escape

if TYPE_CHECKING:
    from clfw.catalog.environment import Environment
    from clfw.classifier import Classifier, Picture, Prediction
    from clfw.config.data_choice import Request
    from clfw.io.progress import Console
    from clfw.metrics.evaluation import Evaluation
    from clfw.runs.results import Result
    from clfw.training.setup import Engine


class LookupOptions(TypedDict, total=False):
    """Where names are looked up.

    Attributes:
        registry: one more registry file, above all others.
        plugins: plugins in one file to load too.
        disable_plugins: names of plugins to leave out.
    """

    registry: str | Path
    plugins: Sequence[str | Path]
    disable_plugins: Sequence[str]


class DataOptions(LookupOptions, total=False):
    """Which pictures a data entry stands for, and what computes.

    Attributes:
        data_dir: folder of full datasets.
        sample: use the bundled sample even where the full set is there.
        require_full: refuse the bundled sample.
        device: "auto", "cpu", "cuda" or "mps".
    """

    data_dir: str | Path
    sample: bool
    require_full: bool
    device: str


class TrainOptions(DataOptions, total=False):
    """The options of `clfw run`, by the same names.

    Attributes:
        recipe: a recipe entry, which names model, data and values.
        epochs, steps, batch_size, lr, seed: of the training.
        augment: names of augmentations, in order.
        loggers: plugins that are notified after each epoch.
        fold: "K/N", the part to hold out.
        on_bad_image: "fail" or "skip".
        threads: of the CPU; part of the plan.
        memory_budget: bytes of decoded pictures to hold in memory.
        deterministic: equal bits on a GPU too, at some cost.
        autotune: measure memory format and threads first.
    """

    recipe: str
    epochs: int
    steps: int
    batch_size: int | str
    lr: float
    seed: int
    augment: Sequence[str]
    loggers: Sequence[str]
    fold: str
    on_bad_image: str
    threads: int
    memory_budget: int
    deterministic: bool
    autotune: bool


OF_RECIPE = ("epochs", "steps", "batch_size", "lr", "seed")
OF_DATA = ("fold", "on_bad_image")
OF_LOOKUP = ("registry", "plugins", "disable_plugins")


def train(
    model: str = "",
    data: str | Path = "",
    *,
    set: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    progress: bool = False,
    engine: "Engine | None" = None,
    **options: Unpack[TrainOptions],
) -> "Result":
    """Train a model on data and write a run folder, as `clfw run` does.

    Args:
        model: a model entry or architecture; see `clfw list`.
        data: a data entry, or a path to pictures.
        set: values by dotted name, as in {"model.width": 8, "data.image_size": 28}.
        out: the run folder to make; a numbered one under `runs` where it is left out.
        progress: say on stderr what happens, with bars.
        engine: device, trainer and evaluator to use in place of the built-in ones.
        options: see `TrainOptions`.

    Raises:
        ClfwError: whatever `clfw run` would print; nothing is on disk after a mistake in names,
            values or data.
    """
    from clfw.runs.sessions import train_run

    given = checked("train", options, TrainOptions)
    environment = environment_of(given)
    request = request_of(str(data), set, given, model=model, out=None if out is None else Path(out))
    return train_run(request, environment, console_of(progress), engine)


def resume(
    run: str | Path,
    *,
    epochs: int | None = None,
    progress: bool = False,
    data_dir: str | Path | None = None,
    engine: "Engine | None" = None,
    **options: Unpack[LookupOptions],
) -> "Result":
    """Continue a run from its last checkpoint, as `clfw resume` does.

    It ends with the bits of a run that was never stopped, on the same kind of machine with the same
    versions; the number of CPU threads is the recorded one. A finished run is read back.

    Args:
        run: the run folder.
        epochs: make the run this long, in all.
        progress: say on stderr what happens, with bars.
        data_dir: folder of full datasets.
        engine: device, trainer and evaluator to use in place of the built-in ones.
        options: see `LookupOptions`.

    Raises:
        ClfwError: whatever `clfw resume` would print.
    """
    from clfw.artifacts.recorded_run import recorded_loggers
    from clfw.runs.sessions import reopen_run, resume_run, say_changes

    folder, console = Path(run), console_of(progress)
    given = checked("resume", options, LookupOptions)
    environment = environment_of(given, absent=recorded_loggers(folder))
    where = None if data_dir is None else Path(data_dir)
    recorded = reopen_run(folder, environment, where, epochs)
    say_changes(recorded, console)
    return resume_run(recorded, console, engine)


def load(
    weights: str | Path, *, device: str = "cpu", **options: Unpack[LookupOptions]
) -> "Classifier":
    """The classifier in a run folder or weights file, ready to predict.

    Args:
        weights: a finished run's folder, or a `model.safetensors`.
        device: "auto", "cpu", "cuda" or "mps".
        options: see `LookupOptions`.

    Raises:
        InputMissing: there is no such file.
        DataError: the file is damaged, or no weights file of clfw.
        PluginError: its architecture is not installed.
    """
    from clfw.artifacts.weights_header import find_weights, read_header

    header = read_header(find_weights(Path(weights)))
    environment = environment_of(checked("load", options, LookupOptions))

    from clfw.classifier import Classifier
    from clfw.models.device import TorchDevice
    from clfw.models.weights_io import restore_model

    placed = TorchDevice(device)
    return Classifier(header, placed.place(restore_model(header, environment.catalog)), placed)


def predict(
    weights: str | Path,
    pictures: "Sequence[Picture]",
    top: int = 1,
    *,
    device: str = "cpu",
    **options: Unpack[LookupOptions],
) -> "list[Prediction]":
    """One prediction a picture, in order: `load(weights).predict(pictures, top)`."""
    return load(weights, device=device, **options).predict(pictures, top)


def evaluate(
    weights: str | Path,
    data: str | Path | None = None,
    split: str = "validation",
    *,
    set: Mapping[str, Any] | None = None,
    progress: bool = False,
    **options: Unpack[DataOptions],
) -> "Evaluation":
    """Figures of finished weights on a labeled split, as `clfw eval` prints them.

    Args:
        weights: a run folder or weights file.
        data: a data entry or path; None for what the weights were trained on.
        split: "train", "validation" or "test".
        set: values of the data by dotted name, as in {"data.label": "kind"}.
        progress: say on stderr what happens, with bars.
        options: see `DataOptions`.

    Raises:
        ClfwError: whatever `clfw eval` would print.
    """
    from clfw.api.source import SPLITS
    from clfw.runs.sessions import evaluate_weights

    if split not in SPLITS:
        raise UsageError(
            f"split: '{escape(split)}' is none of {', '.join(SPLITS)}",
            hint=did_you_mean(split, SPLITS),
        )
    given = checked("evaluate", options, DataOptions)
    request = request_of("" if data is None else str(data), set, given)
    environment, console = environment_of(given), console_of(progress)
    return evaluate_weights(Path(weights), request, split, environment, console).evaluation


def checked(function: str, options: Mapping[str, Any], known: type) -> dict[str, Any]:
    """`options` without those that are None; raises `UsageError` for one that nothing reads."""
    for name in options:
        if name not in known.__annotations__:
            raise UsageError(
                f"{function}: there is no option '{escape(name)}'",
                hint=did_you_mean(name, known.__annotations__),
            )
    return {name: value for name, value in options.items() if value is not None}


def environment_of(given: Mapping[str, Any], absent: Sequence[str] = ()) -> "Environment":
    """Plugins and registries as the lookup options say."""
    from clfw.catalog.environment import load_environment

    registry = given.get("registry")
    return load_environment(
        None if registry is None else Path(registry),
        tuple(given.get("disable_plugins", ())),
        tuple(Path(file) for file in given.get("plugins", ())),
        absent,
    )


def request_of(
    data: str, set: Mapping[str, Any] | None, given: Mapping[str, Any], **fields: Any
) -> "Request":
    """The request that the options make."""
    from clfw.config.data_choice import Request

    own = {key: given[key] for key in given if key not in (*OF_RECIPE, *OF_DATA, *OF_LOOKUP)}
    if "data_dir" in own:
        own["data_folder"] = Path(own.pop("data_dir"))
    values = {**(set or {}), **{f"data.{key}": given[key] for key in OF_DATA if key in given}}
    return Request(
        data=data,
        settings=settings_of(values),
        options={key: given[key] for key in OF_RECIPE if key in given},
        **fields,
        **own,
    )


def settings_of(values: Mapping[str, Any]) -> tuple[str, ...]:
    """Values by dotted name as `--set` takes them."""
    from clfw.catalog.registry_edit import toml

    return tuple(f"{name}={toml(value)}" for name, value in values.items())


def console_of(progress: bool) -> "Console":
    """Lines and bars on stderr, or silence."""
    from clfw.io.progress import Console
    from clfw.io.progress_bars import show_progress
    from clfw.io.terminal import say

    return Console(say=say, progress=show_progress) if progress else Console()
