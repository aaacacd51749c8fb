"""Pictures written out in a CSV file, a column a pixel."""

from clfw import Dataset, hookimpl


@hookimpl
def clfw_datasets() -> list[Dataset]:
    return [
        Dataset(
            name="pixel_csv",
            summary="CSV files with a label and a column a pixel, as label,pixel0,pixel1,...",
            open="clfw_plugins.pixel_csv.reader:open_pixel_csv",
            params="clfw_plugins.pixel_csv.params:PixelCsvParams",
            detect="clfw_plugins.pixel_csv.detection:detect_pixels",
        )
    ]
