"""Parameters of the drawn datasets."""

from pydantic import Field

from clfw.api import Params

MOST = 1_000_000


class DrawnParams(Params):
    """How many pictures, and which."""

    train: int = Field(2500, ge=10, le=MOST, description="training pictures")
    test: int = Field(1000, ge=0, le=MOST, description="test pictures")
    drawing_seed: int = Field(0, ge=0, lt=2**30, description="another seed draws other pictures")


class DrawnAnimalsParams(DrawnParams):
    """The same in colour, of any size."""

    train: int = Field(2000, ge=10, le=MOST, description="training pictures")
    test: int = Field(500, ge=0, le=MOST, description="test pictures")
    side: int = Field(64, ge=16, le=512, description="height and width of a picture, pixels")


class DrawnInsectsParams(DrawnAnimalsParams):
    """The same with validation pictures of their own."""

    validation_pictures: int = Field(250, ge=0, le=MOST, description="validation pictures")
