"""What can be set of the mixer."""

from pydantic import Field

from clfw.api import Params


class MixerParams(Params):
    """Of `mixer`."""

    patch: int = Field(4, ge=1, le=64, description="side of a patch, pixels")
    width: int = Field(32, ge=1, le=4096, description="channels of each patch")
    depth: int = Field(3, ge=1, le=64, description="mixer blocks")
