"""The parameters that every dataset has: path, image size, normalization, split."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from clfw.api.params import Params
from clfw.api.preprocess import MAX_SIDE

Side = Annotated[int, Field(ge=1, le=MAX_SIDE)]
Mean = Annotated[float, Field(ge=0, le=1)]
Std = Annotated[float, Field(gt=0, le=1)]


class DataParams(Params):
    """The part of the `data` group that is the same for every reader."""

    path: str = Field("", description="folder or file of the data; relative to the data folder")
    image_size: Side | tuple[Side, Side] | None = Field(
        None, description="side, or height and width, of the network's input, pixels"
    )
    channels: Literal[1, 3] | None = Field(
        None,
        description="1 for greyscale, 3 for colour; 3 where any picture is in colour if absent",
    )
    fit: Literal["squash", "crop", "pad"] = Field(
        "crop", description="how pictures of another aspect ratio are fitted to the input"
    )
    mean: tuple[Mean, ...] | None = Field(
        None,
        description="per channel, of pixels over 255; measured on the training split if absent",
    )
    std: tuple[Std, ...] | None = Field(
        None,
        description="per channel, of pixels over 255; measured on the training split if absent",
    )
    validation: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="fraction of the training rows held out if the data has no validation split",
    )
    split_seed: int = Field(0, ge=0, description="seed of the hash that chooses the rows held out")
    fold: str = Field(
        "",
        pattern=r"^([1-9][0-9]{0,2}/[1-9][0-9]{0,2})?$",
        description="hold out this fold instead of a fraction, as in 2/5: the second of five",
    )
    stratify: bool = Field(
        False,
        description="hold out exactly this fraction of every class; added rows may then move others",
    )
    exclude: str = Field(
        "",
        description="CSV file of rows to leave out, as clfw data check --write-exclude writes it",
    )
    on_bad_image: Literal["fail", "skip"] = Field(
        "fail", description="unreadable pictures: stop (fail) or leave them out (skip)"
    )

    @model_validator(mode="after")
    def _consistent(self) -> "DataParams":
        if (self.mean is None) != (self.std is None):
            raise ValueError("give both mean and std, or neither")
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
