"""Parameters of the augmentations."""

from typing import Annotated, Literal, TypeVar

from pydantic import Field, model_validator

from clfw.api import Params

P = TypeVar("P", bound=Params)
Fill = Literal["black", "edge", "mirror"]
Probability = Annotated[float, Field(ge=0, le=1)]
FILL = "what stands where the picture does not reach: black, its edge, its mirror image"


class FlipParams(Params):
    """Of `flip`."""

    probability: Probability = Field(0.5, description="share of the pictures that are mirrored")


class RotateParams(Params):
    """Of `rotate`."""

    degrees: float = Field(15.0, ge=0, le=180, description="largest angle, either way, degrees")
    fill: Fill = Field("black", description=FILL)


class ScaleParams(Params):
    """Of `scale`."""

    low: float = Field(0.8, ge=0.1, le=10, description="smallest factor; under 1 shrinks")
    high: float = Field(1.25, ge=0.1, le=10, description="largest factor; over 1 enlarges")
    fill: Fill = Field("black", description=FILL)

    @model_validator(mode="after")
    def _consistent(self) -> "ScaleParams":
        return ordered(self, "low", "high")


class ShiftParams(Params):
    """Of `shift`."""

    share: float = Field(0.1, ge=0, le=0.5, description="largest way, share of the side")
    fill: Fill = Field("black", description=FILL)


class AffineParams(Params):
    """Of `affine`."""

    degrees: float = Field(15.0, ge=0, le=180, description="largest angle, either way, degrees")
    low: float = Field(0.8, ge=0.1, le=10, description="smallest factor; under 1 shrinks")
    high: float = Field(1.25, ge=0.1, le=10, description="largest factor; over 1 enlarges")
    share: float = Field(0.1, ge=0, le=0.5, description="largest way, share of the side")
    fill: Fill = Field("black", description=FILL)

    @model_validator(mode="after")
    def _consistent(self) -> "AffineParams":
        return ordered(self, "low", "high")


class PadCropParams(Params):
    """Of `pad_crop`."""

    padding: int = Field(4, ge=0, le=512, description="pixels added on each side")
    fill: Fill = Field("black", description=FILL)


class ResizedCropParams(Params):
    """Of `resized_crop`."""

    area_low: float = Field(0.4, gt=0, le=1, description="smallest box, share of the picture")
    area_high: float = Field(1.0, gt=0, le=1, description="largest box, share of the picture")
    aspect_low: float = Field(
        0.75, ge=0.1, le=10, description="narrowest box, width over height; 1 as the picture"
    )
    aspect_high: float = Field(
        4 / 3, ge=0.1, le=10, description="widest box, width over height; 1 as the picture"
    )

    @model_validator(mode="after")
    def _consistent(self) -> "ResizedCropParams":
        ordered(self, "area_low", "area_high")
        return ordered(self, "aspect_low", "aspect_high")


class EraseParams(Params):
    """Of `erase`."""

    probability: Probability = Field(0.5, description="share of the pictures that lose a box")
    area_low: float = Field(0.02, ge=0, le=1, description="smallest box, share of the picture")
    area_high: float = Field(0.25, ge=0, le=1, description="largest box, share of the picture")
    aspect: float = Field(
        3.0, ge=1, le=10, description="longest box, long side over short side, as in the picture"
    )
    fill: Literal["random", "mean", "black"] = Field(
        "random", description="the box: a random colour, the picture's mean, black"
    )

    @model_validator(mode="after")
    def _consistent(self) -> "EraseParams":
        return ordered(self, "area_low", "area_high")


class BrightnessParams(Params):
    """Of `brightness`."""

    strength: float = Field(0.3, ge=0, le=1, description="pixels are multiplied by 1 - s to 1 + s")


class ContrastParams(Params):
    """Of `contrast`."""

    strength: float = Field(0.3, ge=0, le=1, description="1 - s to 1 + s times the distance")


class SaturationParams(Params):
    """Of `saturation`."""

    strength: float = Field(0.3, ge=0, le=1, description="1 - s to 1 + s times the distance")


class MixupParams(Params):
    """Of `mixup`."""

    alpha: float = Field(
        0.2, ge=0, le=100, description="shares follow Beta(alpha, alpha); 0 leaves all as it is"
    )


class CutmixParams(Params):
    """Of `cutmix`."""

    alpha: float = Field(
        1.0, ge=0, le=100, description="shares follow Beta(alpha, alpha); 0 leaves all as it is"
    )


class TrivialParams(Params):
    """Of `trivial`."""

    strength: float = Field(
        1.0, gt=0, le=1, description="strongest setting, share of the widest range"
    )


def ordered(params: P, low: str, high: str) -> P:
    """`params`, once the two are in order."""
    if getattr(params, low) > getattr(params, high):
        raise ValueError(f"{low} is over {high}")
    return params
