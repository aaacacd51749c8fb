"""Parameters of the folder reader."""

from pydantic import Field, model_validator

from clfw.api.params import Params


class ImageFolderParams(Params):
    """Names of the classes, where the folders' own will not do."""

    class_names: tuple[str, ...] = Field(
        (), description="class names in order; the folder names in natural order if empty"
    )
    class_values: tuple[str, ...] = Field(
        (), description="the folder of each class name; the class name itself if empty"
    )

    @model_validator(mode="after")
    def _consistent(self) -> "ImageFolderParams":
        if self.class_values and len(self.class_values) != len(self.class_names):
            raise ValueError("class_values and class_names have different lengths")
        for name in ("class_names", "class_values"):
            if len(set(getattr(self, name))) != len(getattr(self, name)):
                raise ValueError(f"{name} holds a name twice")
        return self
