"""`--on-bad-image`: pictures that do not decode end a run, or are left out, named and counted."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from clfw.artifacts.weights_header import read_header
from commandline import Finished, assert_refused, clfw, keep_to, succeed
from tiny_sets import read_list, register, write_bars

BAD_TRAIN, BAD_TEST = (7, 11), 65


def write_set(folder: Path) -> tuple[str, ...]:
    """A set of which three pictures are no pictures; the options that name it."""
    data = write_bars(folder / "bars", train=60, test=9, test_labels=True).absolute()
    for number in BAD_TRAIN:
        (data / "train" / f"{number}.png").write_bytes(b"")
    (data / "test" / f"{BAD_TEST}.png").write_text("<html>")
    return ("--registry", str(register(folder / "bars.toml", "bars", data)), "--data", "bars")


def trained(bars: tuple[str, ...], *options: object) -> Finished:
    """A run of an epoch, unless the options say otherwise."""
    return clfw("run", "--model", "fashion_cnn", *bars, "--epochs", 1, "--batch-size", 16, *options)


def content(folder: object, name: str) -> Any:
    """A JSON file of a run folder."""
    return json.loads((Path(str(folder)) / name).read_text())


@pytest.fixture
def bars() -> tuple[str, ...]:
    """A set of the test's own."""
    return write_set(Path())


@dataclass(frozen=True)
class Skipping:
    """A finished run that left the bad pictures out, for tests that change nothing."""

    folder: Path
    bars: tuple[str, ...]
    finished: Finished


@pytest.fixture(scope="module")
def skipping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Skipping]:
    """One run for many tests."""
    root = tmp_path_factory.mktemp("skipping")
    with pytest.MonkeyPatch.context() as patch:
        keep_to(root, patch)
        bars = write_set(root)
        finished = trained(bars, "--on-bad-image", "skip", "--out", root / "run")
        assert finished.code == 0, finished.err
        yield Skipping(root / "run", bars, finished)


def test_by_default_all_are_listed_before_the_first_step(bars: tuple[str, ...]):
    finished = trained(bars)
    assert_refused(finished, 65, "3 unreadable pictures", "train.csv:9: 7: the file is empty")
    assert "--on-bad-image skip" in finished.err


def test_skipped_pictures_are_in_no_split_and_named_in_the_summary(skipping: Skipping):
    run, finished = skipping.folder, skipping.finished
    named = (
        "3 pictures left out, unreadable: train.csv:9: 7: the file is empty; "
        "train.csv:13: 11: the file is empty; test.csv:7: 65: is a web page, not a picture"
    )
    assert finished.out.splitlines()[-1].endswith("; 3 pictures left out, unreadable")
    assert f"bad     {named}" in finished.err
    bad = read_list(run / "bad_pictures.csv")
    assert [(row["key"], row["split"]) for row in bad] == [
        ("7", "train"), ("11", "train"), ("65", "test")
    ]  # fmt: skip
    assert bad[0]["reason"] == "the file is empty"
    kept = {row["key"] for row in read_list(run / "split.csv")}
    assert kept == {str(number) for number in range(69)} - {"7", "11", "65"}
    assert content(run, "data.json")["bad_pictures"] == 3
    assert sum(content(run, "data.json")["rows"].values()) == 66
    assert content(run, "summary.json")["bad_pictures"] == 3
    assert [row["key"] for row in read_list(run / "test.csv")] == [
        str(number) for number in range(60, 69) if number != BAD_TEST
    ]


@pytest.mark.slow
def test_a_skipping_run_learns_what_a_run_without_those_rows_learns(skipping: Skipping):
    listed = ("--set", f"data.exclude={skipping.folder / 'bad_pictures.csv'}")
    assert trained(skipping.bars, *listed, "--out", "excluded").code == 0
    excluded = content("excluded", "evaluation.json")
    assert excluded == content(skipping.folder, "evaluation.json")


@pytest.mark.slow
def test_a_cached_start_a_resume_and_a_repetition_leave_the_same_rows_out(bars: tuple[str, ...]):
    skip = ("--on-bad-image", "skip", "--set", "train.schedule=constant")
    assert trained(bars, *skip, "--out", "short").code == 0
    whole = trained(bars, *skip, "--out", "whole", "--epochs", 2)
    assert "from the cache" in whole.err
    assert content("whole", "plan.json")["data"]["values"]["on_bad_image"]["value"] == "skip"
    succeed("resume", "short", *bars[:2], "--epochs", 2)
    assert content("short", "evaluation.json") == content("whole", "evaluation.json")


@pytest.mark.slow
def test_the_bad_rows_are_part_of_the_fingerprint(bars: tuple[str, ...]):
    assert trained(bars, "--on-bad-image", "skip", "--out", "run").code == 0
    (Path("bars/train") / "8.png").write_bytes(b"")
    finished = clfw("resume", "run", *bars[:2], "--epochs", 2)
    assert finished.code == 65
    assert "has changed since the run was started" in finished.err


def test_a_class_without_a_readable_training_picture_is_an_error(bars: tuple[str, ...]):
    for number in range(0, 60, 3):
        (Path("bars/train") / f"{number}.png").write_bytes(b"")
    finished = trained(bars, "--on-bad-image", "skip")
    assert_refused(finished, 65, "no training picture is left of: bottom", "train.csv:2: 0")


def test_a_split_of_which_more_than_half_is_bad_is_an_error(bars: tuple[str, ...]):
    for number in range(60, 64):
        (Path("bars/test") / f"{number}.png").write_bytes(b"")
    finished = trained(bars, "--on-bad-image", "skip")
    assert_refused(finished, 65, "more than half is gone: 5 of the 9 pictures of the test split")


def test_eval_does_as_the_run_did_and_says_so(skipping: Skipping):
    run, bars = skipping.folder, skipping.bars
    assert read_header(run / "model.safetensors").facts["data"]["on_bad_image"] == "skip"
    finished = succeed("eval", run, *bars, "--split", "test", "--json")
    whole = content(run, "evaluation.json")["test"]
    assert {key: finished.json[key] for key in whole} == whole
    assert (finished.json["count"], finished.json["bad_pictures"]) == (8, 1)
    assert "1 picture left out, unreadable: test.csv:7: 65: is a web page" in finished.err
    refused = clfw("eval", run, *bars, "--split", "test", "--on-bad-image", "fail")
    assert refused.code == 65
    assert "test.csv:7: 65: is a web page, not a picture" in refused.err
    assert "train.csv" not in refused.err  # the other splits' pictures are not asked for


def test_prediction_keeps_order_and_count_with_an_error_for_a_label(skipping: Skipping):
    run, bars = skipping.folder, skipping.bars
    rows = succeed("predict", run, *bars, "--split", "test", "--json").json
    assert [row["key"] for row in rows] == [str(number) for number in range(60, 69)]
    bad = rows[BAD_TEST - 60]
    assert (bad["label"], bad["probability"]) == (None, None)
    assert bad["error"] == "is a web page, not a picture"
    assert all(row["label"] for row in rows if row is not bad)
    finished = succeed("predict", run, *bars, "--split", "test", "--out", "handed.csv")
    assert "warning: 65: is a web page, not a picture (pictures cannot be read" in finished.err
    labels = {row["id"]: row["label"] for row in read_list(Path("handed.csv"))}
    assert labels[str(BAD_TEST)] == ""
    assert list(labels) == [
        row["id"] for row in read_list(run.parent / "bars" / "sample_submission.csv")
    ]
