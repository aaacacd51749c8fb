"""Pictures and labels in NumPy arrays."""

from clfw import Dataset, hookimpl


@hookimpl
def clfw_datasets() -> list[Dataset]:
    return [
        Dataset(
            name="arrays",
            summary="arrays of pictures and labels: one .npz file, or .npy files in a folder",
            open="clfw_plugins.arrays.reader:open_arrays",
            params="clfw_plugins.arrays.params:ArraysParams",
            detect="clfw_plugins.arrays.detection:detect_arrays",
        )
    ]
