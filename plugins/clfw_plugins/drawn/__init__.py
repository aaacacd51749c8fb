"""Datasets of pictures that clfw draws itself: the bundled samples."""

from clfw import Dataset, hookimpl

_HERE = "clfw_plugins.drawn"


@hookimpl
def clfw_datasets() -> list[Dataset]:
    return [
        Dataset(
            name="drawn_garments",
            summary="drawn garments of ten classes, 28x28 grey",
            open=f"{_HERE}.source:open_garments",
            params=f"{_HERE}.params:DrawnParams",
            needs_path=False,
        ),
    ]
