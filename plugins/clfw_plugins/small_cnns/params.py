"""Parameters of the documents' networks."""

from typing import Annotated

from pydantic import Field

from clfw.params import Params

Width = Annotated[int, Field(ge=1, le=65536)]


class FashionCnnParams(Params):
    """Of `fashion_cnn`."""

    width: int = Field(4, ge=1, le=4096, description="filters of each convolution, channels")


class FashionMlpParams(Params):
    """Of `fashion_mlp`."""

    hidden: tuple[Width, ...] = Field((64,), description="units of each hidden layer")
