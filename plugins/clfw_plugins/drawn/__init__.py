"""Datasets of pictures that clfw draws itself: the bundled samples."""

from clfw import Dataset, hookimpl

_HERE = "clfw_plugins.drawn"


@hookimpl
def clfw_datasets() -> list[Dataset]:
    return [
        _drawn("garments", "drawn garments of ten classes, 28x28 grey", "DrawnParams"),
        _drawn("digits", "drawn handwritten-looking digits, 28x28 grey", "DrawnParams"),
        _drawn("animals", "drawn animals of ten classes, colour", "DrawnAnimalsParams"),
        _drawn("three_animals", "drawn cats, dogs and pandas, colour", "DrawnAnimalsParams"),
        _drawn("insects", "drawn ants and bees, colour", "DrawnInsectsParams"),
    ]


def _drawn(what: str, summary: str, params: str) -> Dataset:
    return Dataset(
        name=f"drawn_{what}",
        summary=summary,
        open=f"{_HERE}.source:open_{what}",
        params=f"{_HERE}.params:{params}",
        needs_path=False,
    )
