"""What every augmentation of clfw keeps to, one contract a test; and their use in a run."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from augmented import MIXING, NAMES, OURS, apply, build, pictures
from clfw.api.params import describe, params_class
from clfw.catalog.registry import read_registry
from clfw.config.data_choice import Request
from clfw.config.plan import resolve_plan
from clfw.errors import ClfwError
from clfw.models.augment import compose
from clfw.plugins.manager import installed_catalog
from commandline import assert_refused, clfw, succeed
from tiny_sets import register, write_bars

IDENTITY = {
    "affine": {"degrees": 0.0, "low": 1.0, "high": 1.0, "share": 0.0},
    "brightness": {"strength": 0.0},
    "contrast": {"strength": 0.0},
    "cutmix": {"alpha": 0.0},
    "erase": {"probability": 0.0},
    "flip": {"probability": 0.0},
    "mixup": {"alpha": 0.0},
    "pad_crop": {"padding": 0},
    "resized_crop": {"area_low": 1.0, "area_high": 1.0, "aspect_low": 1.0, "aspect_high": 1.0},
    "rotate": {"degrees": 0.0},
    "saturation": {"strength": 0.0},
    "scale": {"low": 1.0, "high": 1.0},
    "shift": {"share": 0.0},
}

every = pytest.mark.parametrize("name", NAMES)
every_own = pytest.mark.parametrize("name", [name for name in NAMES if name not in MIXING])


def test_the_catalog_offers_the_augmentations_of_the_issue():
    wanted = {"flip", "rotate", "scale", "shift", "affine", "pad_crop", "resized_crop", "erase"}
    wanted |= {"brightness", "contrast", "saturation", "mixup", "cutmix", "trivial"}
    assert wanted <= set(NAMES)


@every
def test_every_parameter_says_what_it_means(name):
    assert all(row.meaning for row in describe(params_class(OURS[name])))


@pytest.mark.parametrize(
    ("name", "channels"),  # saturation refuses grey pictures, as another test shows
    [(name, c) for name in NAMES for c in (1, 3) if (name, c) != ("saturation", 1)],
)
def test_shape_type_and_range_are_kept(name, channels):
    images = pictures(channels=channels)
    images[:8] = 1.0
    images[8:16] = 0.0
    changed, _ = apply(build(name, channels), images)
    assert changed.shape == images.shape
    assert changed.dtype == torch.float32
    assert float(changed.min()) >= 0
    assert float(changed.max()) <= 1


@every
@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 3), (7, 33)])
def test_small_and_oblong_pictures_are_served(name, height, width):
    images = pictures(8, 3, height, width)
    changed, _ = apply(build(name, 3, height, width), images)
    assert changed.shape == images.shape
    assert torch.isfinite(changed).all()


@every
def test_targets_stay_or_become_rows_that_sum_to_one(name):
    labels = torch.arange(64) % 10
    _, targets = apply(build(name, classes=10), pictures(), targets=labels)
    if name not in MIXING:
        assert targets is labels
        return
    assert targets.shape == (64, 10)
    assert targets.dtype == torch.float32
    assert float(targets.min()) >= 0
    torch.testing.assert_close(targets.sum(1), torch.ones(64))


@every
def test_soft_targets_are_taken_too(name):
    soft = torch.rand(64, 64).softmax(1)
    _, targets = apply(build(name), pictures(), targets=soft)
    torch.testing.assert_close(targets.sum(1), torch.ones(64))
    if name not in MIXING:
        assert targets is soft


@every
def test_the_pictures_handed_in_are_not_changed(name):
    images, labels = pictures(), torch.arange(64)
    before = images.clone()
    apply(build(name), images, targets=labels)
    assert torch.equal(images, before)
    assert torch.equal(labels, torch.arange(64))


@every
def test_the_same_draws_give_the_same_result(name):
    first, targets = apply(build(name), pictures())
    again, targets_again = apply(build(name), pictures())
    assert torch.equal(first, again)
    assert torch.equal(targets, targets_again)


@every
def test_no_global_generator_is_used(name):
    torch.manual_seed(3)
    before = torch.get_rng_state()
    np_before = np.random.get_state()[1].copy()
    apply(build(name), pictures())
    assert torch.equal(torch.get_rng_state(), before)
    assert (np.random.get_state()[1] == np_before).all()


@every_own
@pytest.mark.parametrize("threads", [1, 4])
def test_a_row_becomes_the_same_picture_in_any_batch_and_order(name, threads):
    images, augment = pictures(48), build(name)
    whole, _ = apply(augment, images)
    order = torch.randperm(48, generator=torch.Generator().manual_seed(2))
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        for rows in (order, order[:1], order[5:12], order[20:37]):
            assert torch.equal(apply(augment, images[rows], rows)[0], whole[rows])
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("name", MIXING)
def test_a_row_keeps_the_same_share_of_itself_in_any_batch_and_order(name):
    augment, rows = build(name), torch.arange(64)
    images = pictures()
    whole = apply(augment, images)[1][rows, rows]
    order = torch.randperm(64, generator=torch.Generator().manual_seed(2))
    for part in (order, order[:2], order[5:30]):
        targets = apply(augment, images[part], part)[1]
        assert torch.equal(targets[torch.arange(len(part)), part], whole[part])


@every
def test_rows_epochs_and_seeds_differ(name):
    augment = build(name)
    one = pictures(1).expand(64, -1, -1, -1).contiguous()
    changed, targets = apply(augment, one)
    outcome = targets[torch.arange(64), torch.arange(64)] if name in MIXING else changed
    # flip has two outcomes, erase and trivial leave some as they are; none has only one
    assert len(torch.unique(outcome, dim=0)) > (1 if name == "flip" else 10)
    for other in ({"epoch": 1}, {"seed": 1}):
        again, targets_again = apply(augment, one, **other)
        assert not torch.equal(changed, again) or not torch.equal(targets, targets_again)


@every
def test_the_order_in_memory_is_handed_on(name):
    augment = build(name)
    rows_first = pictures()
    channels_first = rows_first.contiguous(memory_format=torch.channels_last)
    changed, _ = apply(augment, rows_first)
    same, _ = apply(augment, channels_first)
    assert changed.is_contiguous()
    assert same.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(changed, same)


@every
def test_nothing_is_read_back_from_the_device(name):
    # A meta tensor has no values: whatever would make the host wait for some is an error there.
    rows = torch.arange(16, device="meta")
    images = torch.empty(16, 3, 20, 28, device="meta")
    changed, targets = apply(build(name), images, rows)
    assert changed.device.type == "meta"
    assert targets.device.type == "meta"


@pytest.mark.parametrize("name", sorted(IDENTITY))
def test_at_strength_nought_the_pictures_stay_bit_for_bit(name):
    images = pictures()
    changed, _ = apply(build(name, **IDENTITY[name]), images)
    assert torch.equal(changed, images)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in IDENTITY])
def test_only_a_policy_has_no_strength_nought(name):
    assert name == "trivial"


# --- in a run


def test_a_run_uses_the_augmentations_and_its_plan_records_them():
    run = ("run", "--model", "fashion_cnn", "--data", "fashion_csv", "--steps", 3, "--json")
    finished = succeed(*run, "--augment", "flip,rotate", "--set", "augment.rotate.degrees=10")
    plan = json.loads((Path(finished.json["run"]) / "plan.json").read_text())
    flip, rotate = plan["augment"]
    assert (flip["component"], rotate["component"]) == ("flip", "rotate")
    assert flip["values"]["probability"] == {"value": 0.5, "origin": "default"}
    assert rotate["values"]["degrees"] == {"value": 10.0, "origin": "--set"}


def test_a_registry_entry_carries_augmentations_with_values(tmp_path):
    data = write_bars(tmp_path / "bars")
    registry = register(tmp_path / "more.toml", "bars", data)
    entry = """
[models.augmented]
summary = "with its own augmentation"
component = "fashion_mlp"
augment = ["flip", { use = "rotate", degrees = 20 }]
"""
    registry.write_text(registry.read_text() + entry)

    def planned(augment):
        request = Request(model="augmented", data="bars", augment=augment)
        return resolve_plan(request, installed_catalog(), read_registry(registry)).augment

    assert [choice.component.name for choice in planned(None)] == ["flip", "rotate"]
    degrees = {"value": 20.0, "origin": "model entry 'augmented'"}
    assert planned(None)[1].to_json()["values"]["degrees"] == degrees
    assert planned([]) == ()


def test_augmentation_changes_what_is_learned(tmp_path):
    data = write_bars(tmp_path / "bars")
    registry = register(tmp_path / "more.toml", "bars", data)
    run = ("run", "--model", "fashion_mlp", "--data", "bars", "--registry", registry, "--json")
    run = (*run, "--steps", 3)

    def weights(*more):
        return (Path(succeed(*run, *more).json["run"]) / "model.safetensors").read_bytes()

    assert weights("--augment", "shift,cutmix,trivial") != weights()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--augment", "rotat"), "no augmentation named 'rotat'"),
        (("--augment", "rotate", "--set", "augment.rotate.degrees=400"), "augment.rotate.degrees"),
        (("--augment", "scale", "--set", "augment.scale.low=2"), "low is over high"),
        (("--augment", "flip", "--set", "augment.rotate.degrees=1"), "is not in use"),
        (("--augment", "saturation"), "needs colour pictures"),
    ],
)
def test_a_wrong_augmentation_is_refused_before_anything_is_written(options, message):
    finished = clfw("run", "--model", "fashion_cnn", "--data", "fashion_csv", *options)
    assert_refused(finished, 2, message)


class Extracted(torch.nn.Module):
    """A backbone whose features are the pixels."""

    def forward(self, images):
        return images.flatten(1)


@pytest.mark.parametrize("name", MIXING)
def test_a_frozen_backbone_refuses_mixed_labels_instead_of_dropping_them(name):
    from clfw.io.progress import ProgressBar
    from clfw.models.batches import SplitBatches
    from clfw.models.device import TorchDevice
    from clfw.training.features import Extractor

    device = TorchDevice("cpu")
    images = np.zeros((4, 20, 28, 3), np.uint8)
    batches = SplitBatches(images, np.arange(4), np.arange(4), device)
    extractor = Extractor(
        backbone=Extracted(),
        normalize=lambda images: images,
        device=device,
        size=4,
        facts={"augment": name},
        progress=lambda what, total: ProgressBar(),
    )
    augment = compose([build(name)], seed=0)
    with pytest.raises(ClfwError, match="mixes labels"):
        extractor.augmented(batches, "train", augment, views=1)
