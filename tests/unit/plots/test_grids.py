"""Grids of pictures with captions."""

import numpy as np
import pytest

from clfw.plots.figures import save_figure
from clfw.plots.grids import draw_grid


def stripes(count, height=6, width=8, channels=1):
    """Pictures that all differ, each of one level."""
    levels = np.linspace(10, 250, count).astype(np.uint8)
    return np.broadcast_to(levels[:, None, None, None], (count, height, width, channels)).copy()


def rendered(figure):
    """(H, W) uint8, the figure's red channel."""
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., 0]


def pictures_of(figure):
    """The figure without its texts, whose edges are of any level."""
    for text in figure.axes[0].texts:
        text.set_visible(False)
    return rendered(figure)


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def box(seen, level):
    """First and last row and column of a level, pixels."""
    rows, columns = np.nonzero(seen == level)
    return int(rows.min()), int(rows.max()), int(columns.min()), int(columns.max())


def test_pictures_stand_row_by_row_each_with_its_caption():
    figure = draw_grid(stripes(5), ["a", "b", "c", "d", "e"], "five", columns=3)
    seen = pictures_of(figure)
    boxes = [box(seen, level) for level in (10, 70, 130, 190, 250)]
    top, left = [b[0] for b in boxes], [b[2] for b in boxes]
    assert left[0] < left[1] < left[2]
    assert left[:2] == left[3:]
    assert top[0] == top[1] == top[2] < top[3] == top[4]
    assert texts(figure) == ["five", "a", "b", "c", "d", "e"]
    places = [figure.axes[0].transData.transform(t.get_position()) for t in figure.axes[0].texts]
    for (x, y), (first, _, start, end) in zip(places[1:], boxes, strict=True):
        assert x == pytest.approx((start + end + 1) / 2, abs=1)  # over the picture's middle
        assert 0 < first - (seen.shape[0] - y) < 6


def test_every_picture_is_whole_inside_the_figure_and_keeps_its_shape():
    figure = draw_grid(stripes(7, height=30, width=15), list("abcdefg"), "tall", columns=4)
    seen = pictures_of(figure)
    for level in (10, 50, 90, 130, 170, 210, 250):
        top, bottom, left, right = box(seen, level)
        assert 0 < top < bottom < seen.shape[0] - 1
        assert 0 < left < right < seen.shape[1] - 1
        assert (bottom - top + 1) == 2 * (right - left + 1)


@pytest.mark.parametrize(("height", "width"), [(300, 400), (400, 300), (1, 50), (50, 1)])
def test_a_picture_larger_than_its_place_is_shrunk_into_it(height, width):
    figure = draw_grid(stripes(2, height=height, width=width), ["", ""], "", columns=2)
    seen = pictures_of(figure)
    top, bottom, left, right = box(seen, 10)
    assert right - left + 1 == 120
    assert bottom - top + 1 == pytest.approx(120 * height / width, abs=1)


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
