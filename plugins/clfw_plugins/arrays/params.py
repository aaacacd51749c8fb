"""Parameters of the array reader."""

from pydantic import Field

from clfw.api import ClassParams


class ArraysParams(ClassParams):
    """Which array is what; an empty name stands for the usual ones."""

    train_images: str = Field(
        "", description="array of training pictures; train_images, x_train, images or x if empty"
    )
    train_labels: str = Field(
        "", description="array of their labels; train_labels, y_train, labels or y if empty"
    )
    validation_images: str = Field(
        "", description="array of validation pictures; val_images or x_val if empty"
    )
    validation_labels: str = Field(
        "", description="array of their labels; val_labels or y_val if empty"
    )
    test_images: str = Field("", description="array of test pictures; test_images or x_test")
    test_labels: str = Field("", description="array of their labels; test_labels or y_test")
