"""Parameters of the IDX reader."""

from pydantic import Field

from clfw.api import ClassParams


class IdxFilesParams(ClassParams):
    """Which files. Each may end in .gz, have a dot before "idx", and lie in a sub-folder."""

    train_images: str = Field("train-images-idx3-ubyte", description="file of training pictures")
    train_labels: str = Field("train-labels-idx1-ubyte", description="file of training labels")
    test_images: str = Field(
        "t10k-images-idx3-ubyte", description="file of test pictures; may be absent"
    )
    test_labels: str = Field(
        "t10k-labels-idx1-ubyte", description="file of test labels; may be absent"
    )
