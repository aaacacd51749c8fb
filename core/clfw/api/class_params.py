"""Class names as parameters, for every reader whose data does not name the classes itself."""

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
