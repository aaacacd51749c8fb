"""`clfw draw`: whose pictures it draws, where its points lie, what its titles and captions say."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from clfw.api.reports import EpochReport, EvaluationPoint
from clfw.api.task import Task
from clfw.models.batches import updates_per_epoch
from clfw.plots.figures import GREEN, RED, draw_curves, draw_steps
from clfw.plots.filters import draw_filters, draw_maps
from clfw.plots.prediction_grids import Predictions, draw_mistakes, draw_predictions
from commandline import assert_refused, clfw, keep_to, succeed
from tiny_sets import write_bars

FASHION = ("run", "--model", "fashion_cnn", "--data", "fashion_csv")


@dataclass(frozen=True)
class Sampled:
    """A run on the bundled sample, what it said, and a data folder with the full set."""

    run: Path
    said: str
    data: Path


@pytest.fixture(scope="module")
def sampled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sampled]:
    """Seven updates, five of them an epoch, evaluated after every second."""
    root = tmp_path_factory.mktemp("sampled")
    with pytest.MonkeyPatch.context() as patch:
        keep_to(root, patch)
        steps = ("--steps", "7", "--batch-size", "512", "--set", "train.evaluate_steps=2")
        finished = succeed(*FASHION, *steps, "--json")
        data = root / "data"
        write_bars(data / "fashion_csv", train=60, classes=tuple("0123456789"))
        patch.setenv("CLFW_DATA_DIR", str(data))
        yield Sampled(root / "work" / finished.json["run"], finished.err, data)


def report(
    epoch: int, step: int, updates: int, *evaluated: int, split: str = "validation"
) -> EpochReport:
    """An epoch that ended at `step`, with a split's figures after the updates `evaluated`."""
    return EpochReport(
        epoch=epoch, step=step, loss=1.0, accuracy=0.5, gradient_norm=1.0, lr=0.1, seconds=1.0,
        images_per_second=1.0, steps=((1.0, 0.5, 1.0),) * updates,
        evaluations=tuple(
            EvaluationPoint(step=s, split=split, accuracy=0.5, loss=1.0) for s in evaluated
        ),
    )  # fmt: skip


def answers(*logits: tuple[float, float], targets: tuple[int, ...]) -> Predictions:
    class Pixels:
        def read(self, positions: list[int]) -> np.ndarray:
            return np.zeros((len(positions), 4, 4, 1), np.uint8)

    return Predictions(
        pixels=Pixels(),  # type: ignore[arg-type]
        positions=np.arange(len(targets)),
        targets=np.array(targets),
        logits=np.array(logits, np.float32),
        task=Task(classes=("cat", "dog"), channels=1, height=4, width=4),
    )


def texts(figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_answers_are_of_the_pictures_that_the_run_was_trained_on(sampled: Sampled):
    finished = succeed("draw", "mistakes", sampled.run)
    assert finished.err == ""
    drawn = Path("mistakes.png").read_bytes()
    assert drawn == (sampled.run / "mistakes.png").read_bytes()
    other = succeed("draw", "mistakes", sampled.run, "--data-dir", sampled.data, "--out", "b.png")
    assert "trained on the sample set, and this is the full set" in other.err
    assert Path("b.png").read_bytes() != drawn


@pytest.mark.parametrize("what", ["curves", "steps", "filters"])
def test_a_picture_drawn_again_is_the_one_in_the_run(sampled: Sampled, what: str):
    succeed("draw", what, sampled.run)
    assert Path(f"{what}.png").read_bytes() == (sampled.run / f"{what}.png").read_bytes()


def test_maps_are_of_the_first_held_out_picture_unless_one_is_named(
    sampled: Sampled, monkeypatch: pytest.MonkeyPatch
):
    drawn = []
    monkeypatch.setattr("clfw.plots.figures.save_figure", lambda figure, path: drawn.append(figure))
    succeed("draw", "maps", sampled.run)
    title, first, second, *_ = texts(drawn[0])
    key = (sampled.run / "validation.csv").read_text().splitlines()[1].split(",")[0]
    assert f"feature maps of {key} (validation)" in title.replace("\n", " ")
    assert (first, second) == ("input", "0")


def test_a_run_without_validation_rows_is_drawn_by_its_test_rows():
    write_bars(Path("bars"), test_labels=True)
    data = ("--data", "bars", "--set", "data.validation=0.0")
    run = Path(succeed("run", "--model", "fashion_cnn", *data, "--steps", 1, "--json").json["run"])
    succeed("draw", "confusion", run)
    assert Path("confusion.png").read_bytes() == (run / "confusion.png").read_bytes()
    succeed("draw", "confusion", run, "--split", "train", "--out", "train.png")
    assert Path("train.png").read_bytes() != Path("confusion.png").read_bytes()


def test_a_picture_is_a_png_file_of_a_new_name(sampled: Sampled):
    draw = ("draw", "filters", sampled.run, "--out")
    assert_refused(clfw(*draw, "foo.jpg"), 2, "foo.jpg: a picture is written as PNG", "foo.png")
    Path("folder.png").mkdir()
    assert_refused(clfw(*draw, "folder.png"), 73, "folder.png: is a folder")


def test_a_picture_for_maps_is_there(sampled: Sampled):
    gone = clfw("draw", "maps", sampled.run, "--image", "gone.png")
    assert_refused(gone, 66, "--image: gone.png: is not there")
    assert not Path("maps.png").exists()


def test_the_line_of_an_epoch_has_the_latest_figures_of_the_held_out_rows(sampled: Sampled):
    first, second = (line for line in sampled.said.splitlines() if line.startswith("epoch "))
    assert "(step 4)" in first
    assert "validation loss" in second
    assert "(step" not in second


def test_an_evaluation_within_an_epoch_lies_at_its_share_of_it():
    history = [report(1, 10, 10, 4, 8), report(2, 13, 3, 12, 13)]
    axes = draw_curves(history, "title", 10).axes[0]
    training, validation = (line.get_xdata() for line in axes.lines)
    assert list(training) == [1.0, 1.3]
    assert list(validation) == [0.4, 0.8, 1.2, 1.3]


@pytest.mark.parametrize(
    ("size", "accumulate", "expected"), [(4, 1, 3), (4, 2, 2), ("full", 1, 1), ("full", 3, 1)]
)
def test_updates_of_an_epoch_follow_from_the_recipe(size, accumulate, expected):
    assert updates_per_epoch(10, size, accumulate) == expected


def test_a_short_run_has_whole_ticks_no_mean_of_one_batch_and_a_legend_beside_the_curves():
    for figure in (
        draw_curves([report(1, 3, 3, 3)], "t", 3),
        draw_steps([report(1, 3, 3, 3)], "t"),
    ):
        figure.canvas.draw()
        shown = [text.get_text() for text in figure.legends[0].get_texts()]
        assert shown == ["training batches", "validation"]
        for axes, title in zip(figure.axes, ("loss", "accuracy"), strict=True):
            low, high = axes.get_xlim()
            ticks = [t for t in axes.get_xticks() if low <= t <= high]
            assert ticks
            assert all(tick == int(tick) for tick in ticks)
            assert axes.get_title() == title
            box = axes.get_window_extent()
            assert not figure.legends[0].get_window_extent().overlaps(box)


def test_less_than_an_epoch_has_fractions_of_it_below():
    axes = draw_curves([report(1, 3, 3, 3)], "t", 10).axes[0]
    low, high = axes.get_xlim()
    assert len([tick for tick in axes.get_xticks() if low < tick <= high]) >= 2


def test_a_split_has_one_colour_in_all_pictures():
    history = [report(1, 3, 3, 3, split="test")]
    drawn = (draw_curves(history, "t", 3), draw_steps(history, "t"))
    assert [figure.axes[0].lines[-1].get_color() for figure in drawn] == [GREEN, GREEN]


def test_the_bar_of_filters_spans_what_is_drawn_and_says_that_it_is_a_mean():
    layer = torch.nn.Conv2d(2, 1, 1)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([8.0, -6.0]).reshape(1, 2, 1, 1))
    bar = draw_filters("0", layer, "t").axes[1]
    assert bar.get_ylim() == (-1, 1)
    assert bar.get_ylabel() == "weight, mean over 2 channels"


def test_the_worst_mistake_comes_first_with_both_probabilities():
    figure = draw_mistakes(answers((0, 1), (0, 5), (9, 0), targets=(0, 0, 0)), "of a run")
    title, first, second = texts(figure)
    assert "2 of 2 mistakes, largest loss first" in title
    assert first == "\N{BALLOT X} true cat\npred. dog\n99.3%, true 0.7%"
    assert second == "\N{BALLOT X} true cat\npred. dog\n73.1%, true 26.9%"


def test_right_and_wrong_predictions_differ_in_colour_and_mark():
    figure = draw_predictions(answers((0, 5), (5, 0), targets=(0, 0)), "t")
    title, *captions = figure.axes[0].texts
    assert "1 right" in title.get_text()
    assert "1 wrong" in title.get_text()
    seen = {caption.get_text()[0]: caption.get_color() for caption in captions}
    assert seen == {"\N{BALLOT X}": RED, "\N{CHECK MARK}": GREEN}


def test_a_long_title_is_wrapped_into_the_figure():
    maps = np.zeros((2, 4, 4), np.float32)
    picture = np.zeros((8, 8, 1), np.uint8)
    title = "run-001: fashion_cnn on fashion_csv (full)"
    figure = draw_maps("0", maps, picture, f"{'long' * 9}.png", title)
    figure.canvas.draw()
    box = figure.axes[0].texts[0].get_window_extent()
    assert 0 < box.x0 < box.x1 < figure.bbox.x1
    assert box.y1 < figure.bbox.y1
    written = texts(figure)[0].replace("\n", " ")
    assert written.startswith("run-001: fashion_cnn on fashion_csv (full) layer 0: 2 of 2")
    assert written.endswith("before activation")


@pytest.mark.parametrize("low", [0.00025, 0.4100, 12000.0])
def test_labels_of_curves_stay_inside_their_figure_and_clear_of_each_other(low: float) -> None:
    report = EpochReport(
        epoch=1, step=4, loss=low, accuracy=0.9825, gradient_norm=1.0, lr=0.1,
        evaluations=(EvaluationPoint(step=4, split="test", accuracy=0.9830, loss=low * 1.001),),
        seconds=1.0, images_per_second=1.0, steps=((low, 0.9825, 1.0), (low * 1.001, 0.983, 1.0)),
    )  # fmt: skip
    for figure in (draw_curves([report], "t", 4), draw_steps([report], "t")):
        figure.canvas.draw()
        left, right = (axes.get_tightbbox() for axes in figure.axes)
        assert left.x0 >= 0
        assert left.x1 < right.x0
        assert right.x1 <= figure.bbox.width
        assert figure.legends[0].get_window_extent().y1 <= left.y0
