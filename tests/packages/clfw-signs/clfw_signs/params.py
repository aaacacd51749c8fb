"""What can be set of signs and fog."""

from pydantic import Field

from clfw.api import Params


class SignsParams(Params):
    """Of `signs`."""

    list_name: str = Field("signs.tsv", description="list of file, shape and split, tabs between")


class DrawnSignsParams(Params):
    """Of `drawn_signs`."""

    rows: int = Field(240, ge=30, le=10_000, description="pictures, of all classes together")


class FogParams(Params):
    """Of `fog`."""

    most: float = Field(0.5, ge=0, le=1, description="largest share of white")
