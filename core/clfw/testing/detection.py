"""Checks of a dataset's `detect`: that it knows the files it reads, and says so cheaply."""

from pathlib import Path

from clfw.api.components import Dataset, load
from clfw.api.params import params_class
from clfw.api.source import Detected
from clfw.catalog.detection import tree_at
from clfw.errors import DataError
from clfw.testing.check import require
from clfw.testing.declarations import imported_with


def detects_its_files(component: Dataset, path: Path) -> None:
    """What a person names by path alone is read by the reader that can, with fitting values."""
    try:
        answer = load(component.detect)(path, tree_at(path), {})
    except DataError:  # it would read them, if it were told more
        return
    require(
        isinstance(answer, Detected),
        f"detect gives {type(answer).__name__} for the files that it is checked on: return a "
        "clfw.Detected for whatever open reads",
    )
    unknown = [key for key in answer.values if key not in params_class(component).model_fields]
    require(
        not unknown,
        f"detect sets '{unknown[0] if unknown else ''}', which is no parameter: name one of them",
    )
    require(
        answer.seen and "\n" not in answer.seen,
        "detect does not say in one line what it saw: give one phrase in seen",
    )


def without_pixels(component: Dataset) -> None:
    """Every reader is asked of every path, so asking is cheap."""
    module = component.detect.partition(":")[0]
    file = str(getattr(load(component.detect), "__globals__", {}).get("__file__", ""))
    heavy = ("torch", "torchvision", "cv2", "PIL")
    loaded = imported_with(module, "" if "." in module else file, heavy)
    require(not loaded, f"'{module}' imports {', '.join(loaded)}: read names and first lines alone")
