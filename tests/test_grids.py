"""Grids of pictures with captions."""

import numpy as np
import pytest

from clfw.figures import save_figure
from clfw.grids import draw_grid


def stripes(count, height=6, width=8, channels=1):
    """Pictures that all differ, each of one level."""
    levels = np.linspace(10, 250, count).astype(np.uint8)
    return np.broadcast_to(levels[:, None, None, None], (count, height, width, channels)).copy()


def rendered(figure):
    """(H, W) uint8, the figure's red channel."""
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., 0]


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def test_pictures_stand_row_by_row_each_with_its_caption():
    figure = draw_grid(stripes(5), ["a", "b", "c", "d", "e"], "five", columns=3)
    corners = [image.get_extent() for image in figure.axes[0].get_images()]
    left = [round(extent[0], 3) for extent in corners]
    top = [round(extent[3], 3) for extent in corners]
    assert left[0] < left[1] < left[2]
    assert left[:2] == left[3:]
    assert top[0] == top[1] == top[2] < top[3] == top[4]
    assert texts(figure) == ["five", "a", "b", "c", "d", "e"]


def test_every_picture_is_whole_inside_the_figure_and_keeps_its_shape():
    figure = draw_grid(stripes(7, height=30, width=15), list("abcdefg"), "tall", columns=4)
    width, height = figure.get_size_inches()
    for image in figure.axes[0].get_images():
        left, right, bottom, top = image.get_extent()
        assert 0 < left < right < width
        assert 0 < top < bottom < height
        assert (bottom - top) / (right - left) == pytest.approx(2)


def test_levels_are_drawn_as_they_are_even_in_a_dark_picture():
    figure = draw_grid(stripes(1) * 0 + 40, [""], "")
    seen = rendered(figure)
    assert (seen == 40).sum() > 3000  # not stretched to the full range


def test_colours_are_drawn_as_they_are():
    red = np.zeros((1, 4, 4, 3), np.uint8)
    red[..., 0] = 200
    figure = draw_grid(red, [""], "")
    figure.canvas.draw()
    seen = np.asarray(figure.canvas.buffer_rgba())
    assert (seen[..., :3] == (200, 0, 0)).all(2).sum() > 3000


def test_long_captions_are_cut_and_strange_ones_are_drawn_as_text(tmp_path):
    captions = ["x" * 50, "costs $5 and $6", "bell\a", "犬", "two\nlines"]
    figure = draw_grid(stripes(5), captions, "a $ title")
    shown = texts(figure)
    assert shown[1].endswith("…")
    assert len(shown[1]) <= 20
    assert shown[2] == "costs $5 and $6"
    assert "\a" not in shown[3]
    assert shown[5] == "two\nlines"
    save_figure(figure, tmp_path / "grid.png")  # warnings are errors here
    assert (tmp_path / "grid.png").stat().st_size > 1000
