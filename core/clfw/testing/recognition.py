"""Checks of a dataset's `recognise`: that it knows the files it reads, and says so cheaply."""

from pathlib import Path

from clfw.components import Dataset, load
from clfw.errors import DataError
from clfw.host.recognising import tree_at
from clfw.params import params_class
from clfw.source import Recognised
from clfw.testing.declarations import imported_with
from clfw.testing.finding import require


def recognises_its_files(component: Dataset, path: Path) -> None:
    """What a person names by path alone is read by the reader that can, with fitting values."""
    try:
        answer = load(component.recognise)(path, tree_at(path), {})
    except DataError:  # it would read them, if it were told more
        return
    require(
        isinstance(answer, Recognised),
        f"recognise gives {type(answer).__name__} for the files that it is checked on: return a "
        "clfw.Recognised for whatever open reads",
    )
    unknown = [key for key in answer.values if key not in params_class(component).model_fields]
    require(
        not unknown,
        f"recognise sets '{unknown[0] if unknown else ''}', which is no parameter: name one of them",
    )
    require(
        answer.seen and "\n" not in answer.seen,
        "recognise says nothing of what it saw, or more than a line: give one phrase in seen",
    )


def without_pixels(component: Dataset) -> None:
    """Every reader is asked of every path, so asking is cheap."""
    module = component.recognise.partition(":")[0]
    file = str(getattr(load(component.recognise), "__globals__", {}).get("__file__", ""))
    heavy = ("torch", "torchvision", "cv2", "PIL")
    loaded = imported_with(module, "" if "." in module else file, heavy)
    require(not loaded, f"'{module}' imports {', '.join(loaded)}: read names and first lines alone")
