"""The size and colour of the input follow pictures of every class, not those that come first."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from commandline import succeed
from tiny_sets import png


def noise(height: int, width: int, channels: int, seed: int) -> NDArray[np.uint8]:
    random = np.random.default_rng(seed)
    shape = (height, width, 3) if channels == 3 else (height, width)
    return random.integers(0, 255, shape, dtype=np.uint8)


def write_classes(sizes: dict[str, tuple[int, int, int]], count: int = 60) -> None:
    """A folder a class in `photos`, each of pictures of one (height, width, channels)."""
    for number, (name, size) in enumerate(sizes.items()):
        folder = Path("photos", name)
        folder.mkdir(parents=True)
        for k in range(count):
            (folder / f"{k:03d}.png").write_bytes(png(noise(*size, seed=1000 * number + k)))


def trained() -> tuple[dict[str, object], list[str]]:
    """The preprocess of a run on them, and what was said."""
    words = ("run", "--model", "plain_cnn", "--data", "photos", "--steps", "1", "--out", "run")
    finished = succeed(*words)
    data = json.loads(Path("run/data.json").read_text())
    return data["preprocess"], finished.err.splitlines()


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clfw.runs.end.draw_pictures", lambda *_: None)


def test_a_grey_first_class_does_not_make_a_grey_network() -> None:
    write_classes({"a_scan": (16, 16, 1), "red": (16, 16, 3), "zgreen": (16, 16, 3)})
    preprocess, said = trained()
    assert preprocess["channels"] == 3
    assert any("pictures looked at, " in line and "are grey and" in line for line in said)


def test_a_grey_last_class_does_not_either_and_all_grey_stay_grey() -> None:
    write_classes({"a": (16, 16, 3), "b": (16, 16, 1)})
    assert trained()[0]["channels"] == 3


def test_pictures_that_are_all_grey_stay_grey_and_nothing_is_said() -> None:
    write_classes({"a": (16, 16, 1), "b": (16, 16, 1)})
    preprocess, said = trained()
    assert (preprocess["channels"], preprocess["height"]) == (1, 16)
    assert not [line for line in said if line.startswith(("size", "warning: the pictures"))]


def test_icons_first_do_not_shrink_photographs() -> None:
    write_classes({"a_icon": (8, 8, 3), "barn": (150, 200, 3), "castle": (150, 200, 3)}, count=20)
    preprocess, said = trained()
    assert (preprocess["height"], preprocess["width"]) == (128, 128)
    assert "size    128x128 for pictures of 150x200 in the median" in "\n".join(said)
    assert "warning: the pictures differ much in size, from 8x8 to 150x200" in said


def test_small_pictures_of_like_sizes_take_their_median() -> None:
    write_classes({"a": (30, 40, 3), "b": (32, 40, 3), "c": (34, 44, 3)}, count=20)
    preprocess, _ = trained()
    assert (preprocess["height"], preprocess["width"]) == (32, 40)


def test_a_size_that_is_set_is_taken_and_no_rule_is_told() -> None:
    write_classes({"a": (8, 8, 3), "b": (150, 200, 3)}, count=20)
    words = ("run", "--model", "plain_cnn", "--data", "photos", "--steps", "1", "--out", "run")
    finished = succeed(*words, "--set", "data.image_size=24")
    assert "in the median" not in finished.err
    assert "24x24 colour" in finished.err
