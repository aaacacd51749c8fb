"""Parameters of the drawn datasets."""

from pydantic import Field

from clfw.params import Params


class DrawnParams(Params):
    """How many pictures, and which."""

    train: int = Field(2500, ge=10, le=1_000_000, description="training pictures")
    test: int = Field(1000, ge=0, le=1_000_000, description="test pictures")
    drawing_seed: int = Field(0, ge=0, lt=2**31, description="another seed draws other pictures")
