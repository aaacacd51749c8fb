"""Parameters of the pixel CSV reader."""

from typing import Literal

from pydantic import Field

from clfw.api import ClassParams


class PixelCsvParams(ClassParams):
    """Which files, which columns, which shape."""

    train_csv: str = Field("train.csv", description="labelled pictures, one a row")
    test_csv: str = Field("test.csv", description="test pictures, one a row; may be absent")
    submission_csv: str = Field(
        "sample_submission.csv", description="order and columns of predictions; may be absent"
    )
    label: str = Field("label", description="column of labels; the test file may lack it")
    id: str = Field("", description="column of ids; rows count from 1 if empty")
    height: int | None = Field(
        None, ge=1, le=4096, description="rows of a picture, pixels; as many as columns if absent"
    )
    width: int | None = Field(
        None, ge=1, le=4096, description="columns of a picture, pixels; as many as rows if absent"
    )
    pixel_channels: Literal[1, 3] = Field(
        1, description="values a pixel in the file: 1 for grey, 3 for red, green, blue side by side"
    )
