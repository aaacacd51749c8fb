"""Pictures and labels in IDX files."""

from clfw import Dataset, hookimpl


@hookimpl
def clfw_datasets() -> list[Dataset]:
    return [
        Dataset(
            name="idx_files",
            summary="IDX files of pictures and labels as of MNIST, gzip or not, in a folder or zip",
            open="clfw_plugins.idx_files.reader:open_idx_files",
            params="clfw_plugins.idx_files.params:IdxFilesParams",
            detect="clfw_plugins.idx_files.detection:detect_idx",
        )
    ]
