"""What is to be learned: the classes, in order, and the shape of the input. No torch."""

from dataclasses import dataclass
from typing import Literal

from clfw.errors import TaskNotSupported

Kind = Literal["single_label"]
UNLABELED = -1  # in the place of a class index: a picture whose class nobody has said


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """A classification task.

    Attributes:
        classes: names of the K classes, in the order of the logits.
        channels: C, 1 for greyscale, 3 for colour.
        height, width: H and W of the network's input, pixels.
        kind: how logits become an answer; "single_label" where each picture is of exactly one class.
    """

    classes: tuple[str, ...]
    channels: int
    height: int
    width: int
    kind: Kind = "single_label"

    @property
    def num_classes(self) -> int:
        """K."""
        return len(self.classes)

    def require_side(self, minimum: int, name: str) -> None:
        """Raise `TaskNotSupported` when either side is under `minimum` pixels for architecture `name`."""
        if min(self.height, self.width) < minimum:
            raise TaskNotSupported(
                f"{name} needs pictures of at least {minimum}x{minimum} pixels, "
                f"and these are {self.height}x{self.width}",
                hint=f"add --set data.image_size={minimum}",
            )
