"""Parameters of the CSV reader."""

from pydantic import Field

from clfw.api import ClassParams

SPLIT_WORDS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}


class CsvImagesParams(ClassParams):
    """Which files, which columns, which classes."""

    train_csv: str = Field("train.csv", description="list of the labelled pictures")
    validation_csv: str = Field(
        "validation.csv", description="list of the validation pictures; may be absent"
    )
    test_csv: str = Field("test.csv", description="list of the test pictures; may be absent")
    submission_csv: str = Field(
        "sample_submission.csv", description="order and columns of predictions; may be absent"
    )
    image: str = Field("", description="column of ids or paths; the first one if empty")
    label: str = Field("label", description="column of labels")
    split: str | None = Field(
        None,
        description="column of train, val or test; 'split' if there is one, none if empty",
    )
    group: str = Field(
        "", description="column of rows that stay together in a split; none if empty"
    )
    train_folder: str = Field("train", description="folder of the training pictures, or empty")
    validation_folder: str = Field(
        "validation", description="folder of the validation pictures, or empty"
    )
    test_folder: str = Field("test", description="folder of the test pictures, or empty")
    root: str = Field(
        "", description="folder of the paths in a list that is read by itself; its own if empty"
    )

    @property
    def folders(self) -> dict[str, str]:
        """The folder of each split's pictures."""
        return {
            "train": self.train_folder,
            "validation": self.validation_folder,
            "test": self.test_folder,
        }
