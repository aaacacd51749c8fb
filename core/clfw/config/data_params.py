"""What core itself asks of every dataset: where it is, picture size, normalisation, split."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from clfw.api.params import Params

LARGEST_SIDE = 4096  # pixels
Side = Annotated[int, Field(ge=1, le=LARGEST_SIDE)]
Level = Annotated[float, Field(ge=0, le=1)]
Spread = Annotated[float, Field(gt=0, le=1)]


class DataParams(Params):
    """The part of the `data` group that is the same whatever reads the data."""

    path: str = Field("", description="folder or file of the data; relative to the data folder")
    image_size: Side | tuple[Side, Side] | None = Field(
        None, description="side, or height and width, of the network's input, pixels"
    )
    channels: Literal[1, 3] | None = Field(
        None, description="1 for greyscale, 3 for colour; otherwise as the first picture is"
    )
    fit: Literal["squash", "crop", "pad"] = Field(
        "crop", description="how another aspect ratio is made to fit the input"
    )
    mean: tuple[Level, ...] | None = Field(
        None,
        description="per channel, of pixels over 255; measured on the training split if absent",
    )
    std: tuple[Spread, ...] | None = Field(
        None,
        description="per channel, of pixels over 255; measured on the training split if absent",
    )
    validation: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="share of the training rows held out where the data has no such split",
    )
    split_seed: int = Field(0, ge=0, description="another seed holds out other rows")
    fold: str = Field(
        "",
        pattern=r"^([1-9][0-9]{0,2}/[1-9][0-9]{0,2})?$",
        description="hold out this fold in the share's place, as in 2/5: the second of five",
    )
    stratify: bool = Field(
        False,
        description="hold out the share of every class to the row; rows added may then move others",
    )
    exclude: str = Field(
        "", description="CSV file with the keys of rows to leave out, as clfw data check writes it"
    )
    on_bad_image: Literal["fail", "skip"] = Field(
        "fail", description="what a picture that does not decode does: end the run, or be left out"
    )

    @model_validator(mode="after")
    def _consistent(self) -> "DataParams":
        if (self.mean is None) != (self.std is None):
            raise ValueError("mean and std are given together or not at all")
        return self

    @field_validator("fold")
    @classmethod
    def _one_of_several(cls, fold: str) -> str:
        which, _, parts = fold.partition("/")
        if fold and not (int(which) <= int(parts) >= 2):
            raise ValueError("must be K/N, from 1/N to N/N with N at least 2")
        return fold

    @property
    def fold_numbers(self) -> tuple[int, int] | None:
        """Which fold is held out, and of how many; None for a share."""
        which, _, parts = self.fold.partition("/")
        return (int(which), int(parts)) if parts else None
