"""Parameters of the array reader, and the class names that every reader of arrays takes."""

from pydantic import Field, model_validator

from clfw.api.params import Params


class ClassParams(Params):
    """Names of the classes, and how the data writes each."""

    class_names: tuple[str, ...] = Field((), description="class names; the labels if empty")
    class_values: tuple[str, ...] = Field(
        (),
        description="label text of each class; its name or its number from 0, as the labels are, if empty",
    )

    @model_validator(mode="after")
    def _consistent(self) -> "ClassParams":
        if self.class_values and len(self.class_values) != len(self.class_names):
            raise ValueError("class_values and class_names have different lengths")
        for name in ("class_names", "class_values"):
            if len(set(getattr(self, name))) != len(getattr(self, name)):
                raise ValueError(f"{name} holds a name twice")
        return self


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
