"""What each augmentation does to pictures and labels."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps

from augmented import apply, build, pictures
from clfw.api.draws import Draws
from clfw.errors import ClfwError
from clfw_plugins.augmentations import color, tones
from clfw_plugins.augmentations.geometry import inverse, moved, warp
from clfw_plugins.augmentations.mixing import symmetric_beta
from clfw_plugins.augmentations.policies import OPERATIONS, apply_chosen

# --- geometry


def test_flip_is_exactly_a_mirror_image_of_its_share_of_the_pictures():
    images = pictures(2000, 1, 4, 5)
    assert torch.equal(apply(build("flip", 1, 4, 5, probability=1.0), images)[0], images.flip(3))
    changed, _ = apply(build("flip", 1, 4, 5, probability=0.25), images)
    mirrored = (changed == images.flip(3)).all((1, 2, 3))
    kept = (changed == images).all((1, 2, 3))
    assert (mirrored ^ kept).all()
    assert abs(float(mirrored.float().mean()) - 0.25) < 0.05


def turned(images, degrees):
    angle = torch.full((len(images),), torch.pi * degrees / 180)
    nought = torch.zeros_like(angle)
    return warp(images, inverse(angle, nought + 1, nought, nought), "black")


def test_a_turn_by_90_degrees_is_rot90_anticlockwise():
    images = pictures(height=28)
    for quarter in (1, 2, 3):
        expected = torch.rot90(images, quarter, (2, 3))
        torch.testing.assert_close(turned(images, 90 * quarter), expected, atol=1e-4, rtol=0)


def test_a_turn_keeps_distances_in_an_oblong_picture():
    images = torch.zeros(1, 1, 21, 41)
    images[0, 0, 10, 25] = 1.0  # five pixels to the right of the centre
    place = turned(images, 90)[0, 0].argmax()
    assert divmod(int(place), 41) == (5, 20)  # five above it


def test_rotation_angles_fill_the_range_and_no_more():
    bar = torch.zeros(1, 1, 41, 41)
    bar[..., 20, 21:40] = 1.0
    changed, _ = apply(build("rotate", 1, 41, 41, degrees=30.0), bar.expand(300, -1, -1, -1))
    y, x = torch.meshgrid(20.0 - torch.arange(41), torch.arange(41) - 20.0, indexing="ij")
    mass = changed[:, 0].sum((1, 2))
    angle = torch.rad2deg(
        torch.atan2((changed[:, 0] * y).sum((1, 2)) / mass, (changed[:, 0] * x).sum((1, 2)) / mass)
    )
    assert 28 < float(angle.max()) < 30.5
    assert -30.5 < float(angle.min()) < -28
    assert abs(float(angle.mean())) < 4


def test_scale_by_two_enlarges_about_the_centre():
    images = torch.zeros(1, 1, 40, 40)
    images[..., 15:25, 15:25] = 1.0
    changed, _ = apply(build("scale", 1, 40, 40, low=2.0, high=2.0), images)
    expected = torch.zeros(1, 1, 40, 40)
    expected[..., 10:30, 10:30] = 1.0
    inner = changed[..., 11:29, 11:29]
    torch.testing.assert_close(inner, torch.ones_like(inner))
    assert abs(float(changed.sum() - expected.sum())) < 2
    small, _ = apply(build("scale", 1, 40, 40, low=0.5, high=0.5), torch.ones(1, 1, 40, 40))
    assert abs(float(small.sum()) - 400) < 45  # a quarter of the area, with soft edges


def test_affine_scales_turns_and_shifts_at_once():
    images = pictures(4, 1, 30, 30)
    t = torch.full((4,), torch.pi / 2)
    one, two = torch.ones(4), torch.full((4,), 2.0)
    at_once = warp(images, inverse(t, one, two, -3 * one), "black")
    in_turn = moved(
        torch.rot90(images, 1, (2, 3)), torch.full((4,), 2), torch.full((4,), -3), 3, 3, "black"
    )
    torch.testing.assert_close(at_once, in_turn, atol=1e-4, rtol=0)


def test_a_shift_by_whole_pixels_is_exact():
    images = pictures(3)
    down, right = torch.tensor([2, 0, -5]), torch.tensor([-3, 0, 4])
    changed = moved(images, down, right, 5, 5, "black")
    expected = torch.zeros_like(images)
    expected[0, :, 2:, :-3] = images[0, :, :-2, 3:]
    expected[1] = images[1]
    expected[2, :, :-5, 4:] = images[2, :, 5:, :-4]
    assert torch.equal(changed, expected)


@pytest.mark.parametrize("fill", ["edge", "mirror"])
def test_what_a_shift_uncovers_is_filled_from_the_picture(fill):
    ramp = torch.arange(6.0).div(5).view(1, 1, 1, 6).expand(1, 1, 4, 6).contiguous()
    changed = moved(ramp, torch.tensor([0]), torch.tensor([2]), 2, 2, fill)
    ends = {"edge": [0.0, 0.0], "mirror": [0.4, 0.2]}[fill]
    assert changed[0, 0, 0].tolist() == pytest.approx([*ends, 0.0, 0.2, 0.4, 0.6])


@pytest.mark.parametrize(("name", "values"), [("shift", {"share": 0.15}), ("pad_crop", {})])
def test_all_shifts_in_reach_occur_equally_often(name, values):
    dot = torch.zeros(1, 1, 27, 27)
    dot[..., 13, 13] = 1.0  # 0.15 of 27 pixels is a reach of 4, like the padding of pad_crop
    changed, _ = apply(build(name, 1, 27, 27, **values), dot.expand(8100, -1, -1, -1))
    places = changed.sum(0)[0]
    assert torch.equal(places.nonzero().amin(0), torch.tensor([9, 9]))
    assert torch.equal(places.nonzero().amax(0), torch.tensor([17, 17]))
    assert float(places[9:18, 9:18].min()) > 60  # 100 on average
    assert float(places.max()) < 145


def test_a_mirror_wider_than_the_picture_is_refused_with_both_sizes():
    with pytest.raises(ClfwError, match="40 pixels needs larger pictures, and these are 20x28"):
        build("pad_crop", padding=40, fill="mirror")


def test_a_resized_crop_shows_a_part_of_the_picture_at_full_size():
    x = torch.arange(40.0).div(39).view(1, 1, 1, 40).expand(500, 1, 40, 40)
    values = {"area_low": 0.25, "area_high": 0.25, "aspect_low": 1.0, "aspect_high": 1.0}
    changed, _ = apply(build("resized_crop", 1, 40, 40, **values), x.contiguous())
    left, right = changed[:, 0, 0, 0], changed[:, 0, 0, -1]
    torch.testing.assert_close(right - left, torch.full((500,), 0.5), atol=0.03, rtol=0)
    assert float(left.min()) < 0.02  # boxes reach both sides
    assert float(right.max()) > 0.98
    assert float(changed.min()) >= 0
    ones, _ = apply(build("resized_crop", 1, 40, 40), torch.ones(500, 1, 40, 40))
    torch.testing.assert_close(ones, torch.ones_like(ones))  # no dark border


# --- erasing


def test_erase_covers_one_box_of_the_area_asked_for():
    images = torch.ones(400, 1, 40, 50)
    values = {"probability": 1.0, "area_low": 0.1, "area_high": 0.2, "fill": "black"}
    changed, _ = apply(build("erase", 1, 40, 50, **values), images)
    covered = changed == 0
    share = covered.float().mean((1, 2, 3))
    assert 0.085 < float(share.min()) < 0.12
    assert 0.18 < float(share.max()) < 0.215
    rows, columns = covered.any(3).sum(2)[:, 0], covered.any(2).sum(2)[:, 0]
    assert torch.equal(rows * columns, covered.sum((1, 2, 3)))  # a full rectangle
    anywhere = covered.any(0)[0]
    for side in (anywhere[0], anywhere[-1], anywhere[:, 0], anywhere[:, -1]):
        assert side.any()  # boxes reach every side
    ratio = (columns / 50) / (rows / 40)
    assert float(ratio.max()) < 3.4
    assert float(ratio.min()) > 1 / 3.4


def test_erase_takes_its_share_of_the_pictures():
    changed, _ = apply(build("erase", 1, 10, 10, probability=0.3), torch.full((2000, 1, 10, 10), 2))
    touched = (changed != 2).any(3).any(2).float().mean()
    assert abs(float(touched) - 0.3) < 0.05


def test_erase_fills_with_the_mean_of_each_channel():
    images = pictures(8)
    values = {"probability": 1.0, "area_low": 1.0, "area_high": 1.0, "aspect": 1.0, "fill": "mean"}
    changed, _ = apply(build("erase", **values), images)
    mean = images.mean((2, 3), keepdim=True).expand_as(images)
    torch.testing.assert_close(changed, mean)


# --- tones: Pillow is the witness


def photograph(side=24):
    """(1, 3, H, W) float32 whose values are whole levels, and the same as a Pillow picture."""
    random = np.random.default_rng(5)
    smooth = np.linspace(30, 200, side)[:, None, None] + np.linspace(-25, 25, side)[None, :, None]
    levels = np.clip(smooth + random.normal(0, 12, (side, side, 3)), 0, 255).astype(np.uint8)
    return torch.from_numpy(levels).permute(2, 0, 1)[None].float() / 255, Image.fromarray(levels)


def levels_apart(ours, theirs):
    theirs = torch.from_numpy(np.array(theirs)).permute(2, 0, 1)[None].float()
    return float((ours * 255 - theirs).abs().max())


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (color.brightened, ImageEnhance.Brightness),
        (color.contrasted, ImageEnhance.Contrast),
        (color.saturated, ImageEnhance.Color),
    ],
)
@pytest.mark.parametrize("factor", [0.0, 0.4, 1.0, 1.8])
def test_factors_do_what_pillow_does(ours, theirs, factor):
    images, picture = photograph()
    changed = ours(images, torch.full((1, 1, 1, 1), factor))
    assert levels_apart(changed, theirs(picture).enhance(factor)) < 1.6  # levels: it rounds twice


def test_sharpness_does_what_pillow_does_away_from_the_edges():
    images, picture = photograph()
    for factor in (0.0, 1.9):
        theirs = ImageEnhance.Sharpness(picture).enhance(factor)
        ours = tones.sharpened(images, torch.full((1, 1, 1, 1), factor))[..., 1:-1, 1:-1]
        assert levels_apart(ours, theirs.crop((1, 1, 23, 23))) < 1.6


def test_levels_and_histograms_become_what_pillow_makes_of_them():
    images, picture = photograph(side=128)
    full, half = torch.tensor([1.0]), torch.tensor([0.5])
    assert levels_apart(tones.posterized(images, full), ImageOps.posterize(picture, 2)) < 0.01
    assert levels_apart(tones.posterized(images, full * 0), picture) < 0.01
    assert levels_apart(tones.solarized(images, half), ImageOps.solarize(picture, 128)) < 0.01
    assert levels_apart(tones.stretched(images), ImageOps.autocontrast(picture)) < 1.01
    # Pillow counts half a level less, in whole steps.
    assert levels_apart(tones.equalized(images), ImageOps.equalize(picture)) < 5


@pytest.mark.parametrize("operation", [tones.stretched, tones.equalized])
def test_a_uniform_picture_has_no_histogram_to_stretch(operation):
    images = torch.full((2, 3, 8, 8), 0.4)
    assert torch.equal(operation(images), images)


def test_an_equalized_picture_has_a_flat_histogram():
    dark = pictures(2, 1, 64, 64) ** 1.5
    quarters = torch.histc(tones.equalized(dark), 4, 0, 1) / dark.numel()
    assert (quarters - 0.25).abs().max() < 0.05


def test_factors_fill_the_range_and_no_more():
    images = torch.full((1000, 1, 2, 2), 0.5)
    changed, _ = apply(build("brightness", 1, 2, 2, strength=0.4), images)
    factor = changed[:, 0, 0, 0] / 0.5
    assert 0.6 <= float(factor.min()) < 0.61
    assert 1.39 < float(factor.max()) <= 1.4
    assert abs(float(factor.mean()) - 1) < 0.03


def test_saturation_refuses_grey_pictures():
    with pytest.raises(ClfwError, match="needs colour pictures"):
        build("saturation", channels=1)


# --- mixing


@pytest.mark.parametrize("alpha", [0.05, 0.2, 1.0, 4.0, 50.0])
def test_shares_follow_the_beta_distribution(alpha):
    share = symmetric_beta(Draws(torch.arange(40_000), seed=0, epoch=0, component=0), alpha)
    assert torch.isfinite(share).all()
    assert float(share.min()) >= 0
    assert float(share.max()) <= 1
    share = share.double()
    variance = 1 / (4 * (2 * alpha + 1))
    assert abs(float(share.mean()) - 0.5) < 5 * (variance / 40_000) ** 0.5
    assert abs(float(share.var()) / variance - 1) < 0.05
    generator = torch.Generator().manual_seed(0)
    a, b = torch._standard_gamma(torch.full((2, 40_000), alpha, dtype=torch.float64), generator)
    for bound in (0.001, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 0.999):
        theirs = float((a / (a + b) <= bound).double().mean())
        assert abs(float((share <= bound).double().mean()) - theirs) < 0.015


def test_mixup_blends_pictures_as_it_blends_labels():
    images = pictures()
    mixed, targets = apply(build("mixup", alpha=1.0), images)
    own = torch.arange(64)
    share = targets[own, own]
    partner = images.roll(1, 0)
    torch.testing.assert_close(targets[own, own - 1], 1 - share)
    s = share[:, None, None, None]
    torch.testing.assert_close(mixed, s * images + (1 - s) * partner)
    assert float(share.min()) >= 0.5  # the picture keeps the larger part
    assert float(share.max()) > 0.95


def test_cutmix_labels_are_the_share_of_the_pixels():
    images = (torch.arange(64.0) / 64).view(64, 1, 1, 1).expand(64, 3, 20, 28).contiguous()
    mixed, targets = apply(build("cutmix"), images)
    own = torch.arange(64)
    kept = (mixed == images).float().mean((1, 2, 3))
    pasted = (mixed == images.roll(1, 0)).float().mean((1, 2, 3))
    torch.testing.assert_close(kept + pasted, torch.ones(64))
    torch.testing.assert_close(targets[own, own], kept)
    assert float(kept.min()) < 0.3
    assert float(kept.max()) > 0.9


def test_mixing_twice_mixes_the_mixed_labels():
    images, targets = apply(build("mixup", alpha=1.0), pictures())
    _, again = apply(build("cutmix"), images, targets=targets)
    assert int((again > 0).sum(1).max()) == 3
    torch.testing.assert_close(again.sum(1), torch.ones(64))


# --- the policy


def test_trivial_gives_each_picture_one_operation_all_equally_often():
    choice = []
    marks = [lambda images, s, g, k=k: choice.append((k, len(images))) or images for k in range(13)]
    number = (
        Draws(torch.arange(13_000), seed=0, epoch=0, component=0).uniform(3)[:, 0] * 13
    ).long()
    nothing = torch.zeros(13_000)
    apply_chosen(marks, number, torch.zeros(13_000, 1, 1, 1), nothing, nothing, by_group=True)
    assert [k for k, _ in choice] == list(range(13))
    assert sum(count for _, count in choice) == 13_000
    assert all(850 < count < 1150 for _, count in choice)


@pytest.mark.parametrize("channels", [1, 3])
def test_trivial_by_group_and_all_at_once_give_the_same_pictures(channels):
    images = pictures(channels=channels)
    operations = [op for name, op in OPERATIONS.items() if channels == 3 or name != "saturation"]
    u = Draws(torch.arange(64), seed=4, epoch=0, component=0).uniform(3)
    choice = (u[:, 0] * len(operations)).long()
    sign = torch.where(u[:, 2] < 0.5, -1.0, 1.0)
    grouped, selected = (
        apply_chosen(operations, choice, images, u[:, 1], sign, by_group=by_group)
        for by_group in (True, False)
    )
    assert torch.equal(grouped, selected)


@pytest.mark.parametrize("name", sorted(set(OPERATIONS) - {"autocontrast", "equalize"}))
def test_an_operation_at_strength_nought_hardly_changes_a_picture(name):
    images, _ = photograph()
    changed = OPERATIONS[name](images, torch.zeros(1), torch.ones(1))
    torch.testing.assert_close(changed, images, atol=1e-4, rtol=0)


def test_trivial_moves_pictures_either_way():
    images = torch.zeros(2, 1, 57, 57)
    images[..., 28, 28] = 1.0
    strength, sign = torch.full((2,), 0.5), torch.tensor([-1.0, 1.0])
    half = 57 * 32 / 224 / 2  # pixels
    for name, axis in (("shift_x", 2), ("shift_y", 1)):
        changed = OPERATIONS[name](images, strength, sign)[:, 0]
        places = (changed.sum(3 - axis) * torch.arange(57)).sum(1) - 28
        assert places.tolist() == pytest.approx([-half, half], abs=0.01)
