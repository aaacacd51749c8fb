"""Road signs as a dataset and fog as an augmentation, as somebody else would publish them."""

from clfw import Augmentation, Dataset, hookimpl


@hookimpl
def clfw_datasets() -> list[Dataset]:
    return [
        Dataset(
            name="signs",
            summary="road signs: a folder with signs.tsv and the pictures it names",
            open="clfw_signs.reader:open_folder",
            params="clfw_signs.params:SignsParams",
            sample="drawn_signs",
        ),
        Dataset(
            name="drawn_signs",
            summary="drawn road signs of three shapes, as PNG files in memory",
            open="clfw_signs.drawing:open_drawn",
            params="clfw_signs.params:DrawnSignsParams",
            needs_path=False,
        ),
    ]


@hookimpl
def clfw_augmentations() -> list[Augmentation]:
    return [
        Augmentation(
            name="fog",
            summary="blend each picture with white by its own amount",
            build="clfw_signs.fog:build",
            params="clfw_signs.params:FogParams",
        )
    ]
