"""Which text of the data stands for which class, where only the names of the classes are given."""

from collections.abc import Iterable

from clfw.errors import DataError, UsageError
from clfw.text import escape


def label_texts(
    names: tuple[str, ...], values: tuple[str, ...], labels: Iterable[str | None]
) -> tuple[str, ...]:
    """The text of each class: its value, else its name or its number from 0, as the labels are.

    Raises:
        UsageError: labels that are both, names of some classes and numbers of others.
    """
    if values or not names:
        return values
    written = {label for label in labels if label is not None}
    numbers = tuple(str(number) for number in range(len(names)))
    if not written or not written <= set(names):
        return numbers
    if not written <= set(numbers):
        return names
    for label in sorted(written):
        if names[int(label)] != label:
            raise UsageError(
                f"data.class_names: label '{label}' is the name of one class and the number of "
                f"another, '{escape(names[int(label)], 40)}'",
                hint="say what stands for each class with data.class_values",
            )
    return names


def require_texts(names: Iterable[str], known: tuple[str, ...], texts: tuple[str, ...]) -> None:
    """Raise when predictions of some class of `names` could not be written as the data writes labels."""
    absent = [name for name in names if name not in known]
    if absent and texts != known:
        raise DataError(
            f"the weights know class '{escape(absent[0], 40)}', for which the data has no label",
            hint="name it in data.class_names, and its label in data.class_values",
        )
