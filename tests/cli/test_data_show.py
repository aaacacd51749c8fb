"""`clfw data show`: what a dataset holds, in numbers and pictures."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from clfw.catalog.registry import read_registry
from clfw.config.data_choice import Request
from clfw.config.plan import resolve_plan
from clfw.data.negotiation import natural_preprocess
from clfw.data.opening import decode_splits, open_data, task_of
from clfw.plots.samples import augmented, first_decoded, first_pictures, in_turn, view_captions
from clfw.plugins.manager import installed_catalog
from commandline import assert_refused, clfw, succeed
from tiny_sets import BARS, png, register, write_bars


@pytest.fixture
def registry(tmp_path):
    data = write_bars(tmp_path / "bars", train=30)
    return register(tmp_path / "more.toml", "bars", data, image_size=12)


def size_of(path):
    return cv2.imread(str(path)).shape[:2]


def test_it_prints_shape_and_counts_and_writes_a_picture(registry):
    shown = succeed("data", "show", "bars", "--registry", registry)
    lines = shown.out.splitlines()
    assert lines[0] == "bars: full set"
    assert lines[1] == "pictures 12x12 grey, C 1"
    assert lines[2].split() == ["class", "train", "validation", "test"]
    assert [line.split()[0] for line in lines[3:6]] == sorted(BARS)
    facts = succeed("data", "show", "bars", "--registry", registry, "--out", "b.png", "--json").json
    train, validation, test = (facts["splits"][s] for s in ("train", "validation", "test"))
    assert train["pictures"] + validation["pictures"] == 30
    assert sum(train["classes"].values()) == train["pictures"]
    assert train["without_label"] == 0
    assert (test["pictures"], test["without_label"]) == (6, 6)
    assert lines[-2].split()[0] == "all"
    assert lines[-2].split()[1:] == [str(train["pictures"]), str(validation["pictures"]), "6"]
    assert facts["picture"] == "b.png"
    assert Path("bars.png").read_bytes() == Path("b.png").read_bytes()


def test_augmented_versions_are_drawn_below(registry):
    show = ("data", "show", "bars", "--registry", registry)
    succeed(*show, "--out", "plain.png")
    more = ("--augment", "rotate", "--set", "augment.rotate.degrees=40")
    facts = succeed(*show, *more, "--out", "turned.png", "--json").json
    assert facts["augment"] == ["rotate"]
    assert size_of("turned.png")[0] > 2.5 * size_of("plain.png")[0]
    assert size_of("turned.png")[1] == size_of("plain.png")[1]
    succeed(*show, *more, "--out", "again.png")
    succeed(*show, *more, "--seed", 1, "--out", "other.png")
    assert Path("again.png").read_bytes() == Path("turned.png").read_bytes()
    assert Path("other.png").read_bytes() != Path("turned.png").read_bytes()


def test_the_documented_command_works_on_the_bundled_sample():
    shown = succeed("data", "show", "fashion_csv", "--augment", "rotate")
    assert shown.out.startswith("fashion_csv: bundled sample\n")
    assert Path("fashion_csv.png").exists()
    assert not Path("runs").exists()


def opened_with(registry, augment):
    request = Request(model="fashion_mlp", data="bars", augment=augment)
    plan = resolve_plan(request, installed_catalog(), read_registry(registry))
    opened = open_data(plan.data)
    return plan, opened, natural_preprocess(opened, plan.data.common)


def test_what_is_shown_is_what_a_run_draws(registry):
    from clfw.models.batches import SplitBatches
    from clfw.models.device import TorchDevice
    from clfw.training.setup import build_augment

    plan, opened, preprocess = opened_with(registry, ["rotate", "shift"])
    task = task_of(opened.rows, preprocess)
    shown = first_pictures(opened, preprocess)
    pixels, _ = augmented(shown, plan.augment, task, seed=0, epoch=1)
    pictures = decode_splits(
        opened, preprocess, ("train", "validation"), lambda what, total: NoBar()
    )
    where = pictures.where("train")
    batches = SplitBatches(pictures.images, pictures.targets, where, TorchDevice("cpu"))
    augment = build_augment(plan, task, TorchDevice("cpu"))
    (batch,) = batches.shuffled(len(where), seed=0, epoch=0)
    images, _ = augment(batch.images, batch.targets, batch.rows, 1)
    trained = {int(row): image for row, image in zip(batch.rows, images, strict=True)}
    for position, drawn in zip(shown.positions.tolist(), pixels, strict=True):
        exact = trained[position].permute(1, 2, 0).numpy() * 255
        assert np.abs(exact - drawn).max() <= 0.5


class NoBar:
    def advance(self, count):
        pass

    def close(self):
        pass


def test_a_picture_without_changes_is_shown_as_it_is(registry):
    _, opened, preprocess = opened_with(registry, ["flip"])
    shown = first_pictures(opened, preprocess, count=8)
    pixels, targets = augmented(shown, [], task_of(opened.rows, preprocess), seed=0, epoch=0)
    assert np.array_equal(pixels, shown.images)
    assert targets.tolist() == shown.targets.tolist()
    assert len(shown.images) == 8


def test_classes_take_turns_where_the_first_pictures_are_all_of_one(tmp_path):
    numbers, targets = np.arange(10, 17), np.array([0, 0, 0, 0, 1, 1, 2])
    assert in_turn(numbers, targets).tolist() == [10, 14, 16, 11, 15, 12, 13]
    for name in ("cat", "dog"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for number in range(50):
            picture = np.full((8, 8), number + 100 * (name == "dog"), np.uint8)
            (tmp_path / "pets" / name / f"{number}.png").write_bytes(png(picture))
    pets = '[data.pets]\ncomponent = "image_folder"\nsummary = "pets"\n'
    Path("registry.toml").write_text(f"{pets}values.path = '{tmp_path / 'pets'}'\n")
    request = Request(model="fashion_mlp", data="pets")
    plan = resolve_plan(request, installed_catalog(), read_registry(None))
    opened = open_data(plan.data)
    preprocess = natural_preprocess(opened, plan.data.common)
    shown = first_pictures(opened, preprocess)
    assert shown.targets.tolist() == [0, 1] * 20
    decoded = decode_splits(opened, preprocess, ("train", "validation"), lambda *_: NoBar())
    of_a_run = first_decoded(decoded)
    assert of_a_run.choice == shown.choice
    for field in ("images", "targets", "positions"):
        assert np.array_equal(getattr(of_a_run, field), getattr(shown, field))
    assert shown.choice == "the first 40 pictures of the training split, the classes in turn"


def test_captions_of_mixed_pictures_say_the_shares():
    targets = torch.tensor([[0.75, 0.25], [0.0, 1.0], [0.001, 0.999]])
    assert view_captions(targets, ["Coat", "Bag"], 0) == [
        "75% Coat\n25% Bag",
        "100% Bag",
        "100% Bag",
    ]
    assert view_captions(torch.tensor([0, 1]), ["Coat", "Bag"], 1) == ["epoch 2", "epoch 2"]


def test_the_title_says_that_a_batch_decides_who_is_mixed(registry, monkeypatch):
    titles = []
    monkeypatch.setattr(
        "clfw.plots.samples.draw_grid",
        lambda images, captions, title, columns: titles.append(title),
    )
    monkeypatch.setattr("clfw.plots.figures.save_figure", lambda figure, path: None)
    for name in ("mixup", "flip"):
        succeed("data", "show", "bars", "--registry", registry, "--augment", name)
    mixed, flipped = titles
    assert mixed.endswith("; partners depend on the batch, and here all pictures are one batch")
    assert "partners" not in flipped


def test_nothing_is_overwritten(registry):
    Path("bars.png").write_bytes(b"mine")
    show = ("data", "show", "bars", "--registry", registry)
    assert_refused(clfw(*show, "--out", "bars.png"), 73, "bars.png: already exists")
    assert clfw(*show).code == 0
    assert Path("bars.png").read_bytes() == b"mine"
    assert Path("bars-2.png").stat().st_size > 0
    assert_refused(clfw(*show, "--out", "no/such/b.png"), 73, "no folder no/such")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("fashion_cvs",), "fashion_cvs"),
        (("fashion_csv", "--augment", "rotat"), "no augmentation named 'rotat'"),
        (("fashion_csv", "--set", "augment.rotate.degrees=1"), "is not in use"),
        (("fashion_csv", "--set", "train.lr=1"), "--set train.lr: nothing is trained here"),
        (("fashion_csv", "--augment", "saturation"), "needs colour pictures"),
    ],
)
def test_a_wrong_name_or_value_is_refused_and_nothing_is_written(arguments, message):
    assert_refused(clfw("data", "show", *arguments), 2, message)
    assert not list(Path().glob("*.png"))


def test_a_picture_that_cannot_be_read_is_named(tmp_path, registry):
    (tmp_path / "bars" / "train" / "0.png").write_bytes(b"no picture")
    finished = clfw("data", "show", "bars", "--registry", registry, "--set", "data.validation=0.0")
    assert_refused(finished, 65, "train.csv:2")


def test_the_group_alone_shows_its_commands():
    assert "show" in succeed("data").out
    assert "data" in succeed().out


def test_the_json_is_one_object_with_classes_in_order(registry):
    shown = succeed("data", "show", "bars", "--registry", registry, "--json")
    facts = json.loads(shown.out)
    assert list(facts["splits"]["train"]["classes"]) == sorted(BARS)
    assert (facts["height"], facts["width"], facts["channels"]) == (12, 12, 1)
