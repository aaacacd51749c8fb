"""Parameters of the folder reader."""

from pydantic import Field

from clfw.api import ClassParams


class ImageFolderParams(ClassParams):
    """Names of the classes, where the folders' own will not do."""

    class_names: tuple[str, ...] = Field(
        (), description="class names in order; the folder names in natural order if empty"
    )
    class_values: tuple[str, ...] = Field(
        (), description="the folder of each class name; the class name itself if empty"
    )
