"""Random numbers for augmentations that depend on seed, epoch and row alone."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

_GAMMA = -0x61C8864680B583EB  # of SplitMix64, like the two products; as signed 64-bit numbers
_PRODUCTS = (-0x40A7B892E31B1A47, -0x6B2FB644ECCEEE15)


class Draws:
    """Random numbers for the pictures of a batch, each a function of (seed, epoch, row, component).

    They do not depend on the batch a row is in, nor on what was drawn before.
    """

    def __init__(self, rows: "Tensor", *, seed: int, epoch: int, component: int) -> None:
        """`rows` is (B,) int64, on the device where the numbers are to be."""
        base = _mixed_number(_mixed_number(seed + (component << 32)) + epoch)
        self._keys = _mixed(rows * _GAMMA + base)  # a plain number: nothing is sent to the device
        self._used = 0

    def uniform(self, count: int = 1) -> "Tensor":
        """(B, count) float32 in [0, 1), new numbers at each call."""
        import torch  # here, so that what a plugin declares is read without it

        numbers = torch.arange(self._used + 1, self._used + count + 1, device=self._keys.device)
        self._used += count
        bits = _mixed(self._keys[:, None] + numbers * _GAMMA)
        return ((bits >> 40) & 0xFFFFFF).to(torch.float32) / float(1 << 24)


def _mixed(x: "Tensor") -> "Tensor":
    """SplitMix64's finaliser on int64, whose products wrap (Steele, Lea and Flood 2014)."""
    x = (x ^ ((x >> 30) & 0x3FFFFFFFF)) * _PRODUCTS[0]
    x = (x ^ ((x >> 27) & 0x1FFFFFFFFF)) * _PRODUCTS[1]
    return x ^ ((x >> 31) & 0x1FFFFFFFF)


def _mixed_number(x: int) -> int:
    """The same for one number, on the host."""
    low = (1 << 64) - 1
    x &= low
    x = ((x ^ (x >> 30)) * _PRODUCTS[0]) & low
    x = ((x ^ (x >> 27)) * _PRODUCTS[1]) & low
    x ^= x >> 31
    return x - (1 << 64) if x >> 63 else x


Augment = Callable[["Tensor", "Tensor", Draws], "tuple[Tensor, Tensor]"]
"""(images in [0, 1] (B, C, H, W), targets (B,) int64 or (B, K) float, draws) to images, targets."""
