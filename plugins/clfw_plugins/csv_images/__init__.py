"""Pictures listed in a CSV file."""

from clfw import Dataset, hookimpl


@hookimpl
def clfw_datasets() -> list[Dataset]:
    return [
        Dataset(
            name="csv_images",
            summary="a CSV of ids or paths and labels, with the pictures in a folder or zip",
            open="clfw_plugins.csv_images.reader:open_csv_images",
            params="clfw_plugins.csv_images.params:CsvImagesParams",
            detect="clfw_plugins.csv_images.detection:detect_lists",
            convert="clfw_plugins.csv_images.from_idx:convert_idx",
        )
    ]
