"""Pictures sorted into a folder per class."""

from clfw import Dataset, hookimpl


@hookimpl
def clfw_datasets() -> list[Dataset]:
    return [
        Dataset(
            name="image_folder",
            summary="a folder per class, in a folder or zip; train, val and test folders if there are",
            open="clfw_plugins.image_folder.reader:open_image_folder",
            params="clfw_plugins.image_folder.params:ImageFolderParams",
            detect="clfw_plugins.image_folder.detection:detect_folders",
        )
    ]
