"""How a picture becomes a network's input: one record for training, evaluation and prediction."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

MAX_SIDE = 4096  # pixels; the largest input of a network
DECODER = "clfw-decode-1"  # raise when the same file would decode to other pixels


@dataclass(frozen=True, kw_only=True, slots=True)
class Preprocess:
    """From encoded bytes to normalised floats.

    Attributes:
        channels: 1 (greyscale, ITU-R 601 luma) or 3 (RGB).
        height, width: pixels after resizing and cropping.
        fit: "squash" scales each side by itself; "crop" scales until the picture covers the input
            and cuts the centre out; "pad" scales until it fits and fills with black.
        mean, std: per channel, of pixels divided by 255; a network sees (pixel / 255 - mean) / std.
            Empty until measured on the training split.
        decoder: version of the decoding rules.
    """

    channels: int
    height: int
    width: int
    fit: Literal["squash", "crop", "pad"] = "crop"
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    decoder: str = DECODER

    def decode_part(self) -> str:
        """The part that decides the decoded pixels, as a cache key."""
        return f"{self.decoder}/{self.channels}x{self.height}x{self.width}/{self.fit}"

    def to_json(self) -> dict[str, Any]:
        """Plain values, for the plan and the weights file."""
        return asdict(self)
