"""Boxes in pictures, as masks."""

from torch import Tensor, arange


def box_mask(top: Tensor, left: Tensor, bottom: Tensor, right: Tensor, images: Tensor) -> Tensor:
    """(B, 1, H, W) bool, true from `top` to before `bottom` and from `left` to before `right`.

    The four are (B,) whole numbers, pixels; a box that ends where it starts is empty.
    """
    y = arange(images.shape[2], device=images.device)
    x = arange(images.shape[3], device=images.device)
    rows = (y >= top[:, None]) & (y < bottom[:, None])  # (B, H)
    columns = (x >= left[:, None]) & (x < right[:, None])  # (B, W)
    return rows[:, None, :, None] & columns[:, None, None, :]
