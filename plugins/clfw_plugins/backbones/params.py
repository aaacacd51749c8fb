"""Parameters of the backbones."""

from typing import Annotated, Any

from pydantic import Field

from clfw.api import Params

Level = Annotated[float, Field(ge=0, le=1)]
Spread = Annotated[float, Field(gt=0, le=1)]


class FrozenBackboneParams(Params):
    """Of `frozen_backbone`."""

    backbone: str = Field("resnet18.tv_in1k", description="a network of timm, by its name there")
    backbone_weights: str = Field(
        "pretrained",
        description="pretrained (fetched before), random, or a .safetensors file of clfw or timm",
    )
    input_size: int = Field(
        224,
        ge=8,
        le=1024,
        description="side of what the backbone sees, pixels; smaller is scaled up",
    )
    mean: tuple[Level, Level, Level] = Field(
        (0.485, 0.456, 0.406), description="per channel, that the backbone was trained with"
    )
    std: tuple[Spread, Spread, Spread] = Field(
        (0.229, 0.224, 0.225), description="per channel, that the backbone was trained with"
    )
    described: dict[str, Any] = Field(
        default_factory=dict,
        description="the backbone's own network, as its clfw weights file describes it",
    )


class TimmModelParams(Params):
    """Of `timm_model`."""

    network: str = Field("resnet18", description="a network of timm, by its name there")
    dropout: float = Field(0.0, ge=0, lt=1, description="probability of zeroing, before the head")
