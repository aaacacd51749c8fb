"""A frozen backbone's cached features teach the head what the pictures themselves would."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from clfw.api.draws import Draws
from clfw.api.preprocess import Preprocess
from clfw.cli import outcome
from clfw.io.progress import no_progress
from clfw.models.batches import Normalize, SplitBatches
from clfw.models.device import TorchDevice
from clfw.training.features import Extractor, FeatureBatches, backbone_digest, frozen_parts
from clfw_plugins.backbones.frozen import Backbone, FrozenBackbone
from commandline import assert_refused, clfw, succeed

NORM = nn.BatchNorm2d.forward
PREPROCESS = Preprocess(channels=1, height=8, width=8, mean=(0.5,), std=(0.25,))


def a_backbone_with_state() -> nn.Sequential:
    """Batch norm and dropout behave otherwise in training mode, so the mode shows."""
    network = nn.Sequential(
        nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Dropout(0.5), nn.Flatten()
    )
    network[1].running_mean.uniform_(-1, 1)
    network[1].running_var.uniform_(0.5, 2)
    return network


@pytest.fixture
def frozen() -> FrozenBackbone:
    torch.manual_seed(3)
    return FrozenBackbone(Backbone(a_backbone_with_state(), 0), nn.Linear(216, 3))


@pytest.fixture
def batches() -> SplitBatches:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (20, 8, 8, 1), dtype=np.uint8)
    targets = rng.integers(0, 3, 20).astype(np.int64)
    return SplitBatches(images, targets, np.arange(20), TorchDevice("cpu"))


def darker(
    images: torch.Tensor, targets: torch.Tensor, rows: torch.Tensor, epoch: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """An augmentation that depends on the row and the epoch alone."""
    draws = Draws(rows, seed=1, epoch=epoch, component=0)
    return images * draws.uniform()[:, :, None, None], targets


def extractor(model: FrozenBackbone) -> Extractor:
    return Extractor(
        backbone=model.backbone,
        normalize=Normalize(PREPROCESS, torch.device("cpu")),
        device=TorchDevice("cpu"),
        size=7,
        facts={"backbone": backbone_digest(model.backbone), "augment": ["darker"]},
        progress=no_progress,
    )


def logits_and_gradient(
    model: nn.Module, head: nn.Linear, inputs: torch.Tensor, targets: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    head.zero_grad()
    logits = model(inputs)
    cross_entropy(logits, targets).backward()
    assert head.weight.grad is not None
    return logits.detach(), head.weight.grad.clone()


def compare_views(
    frozen: FrozenBackbone, batches: SplitBatches, cached: FeatureBatches, views: int
) -> None:
    """Logits and head gradients of both paths agree, epoch by epoch."""
    normalize = Normalize(PREPROCESS, torch.device("cpu"))
    frozen.train()
    for epoch in range(views + 1):
        plain = batches.shuffled(6, seed=0, epoch=epoch)
        stored = cached.shuffled(6, seed=0, epoch=epoch)
        for batch, features in zip(plain, stored, strict=True):
            assert torch.equal(batch.targets, features.targets)
            images, _ = darker(batch.images, batch.targets, batch.rows, epoch % views)
            a = logits_and_gradient(frozen, frozen.head, normalize(images), batch.targets)
            b = logits_and_gradient(frozen.head, frozen.head, features.images, features.targets)
            torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)


def test_cached_views_give_the_logits_and_gradients_of_the_pictures(
    frozen: FrozenBackbone, batches: SplitBatches
) -> None:
    cached = extractor(frozen).augmented(batches, "train", darker, 3)
    compare_views(frozen, batches, cached, 3)


def test_a_backbone_in_training_mode_is_caught_by_the_comparison(
    frozen: FrozenBackbone, batches: SplitBatches, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached = extractor(frozen).augmented(batches, "train", darker, 3)
    monkeypatch.setattr(FrozenBackbone, "train", nn.Module.train)
    with pytest.raises(AssertionError, match="not close"):
        compare_views(frozen, batches, cached, 3)


def test_training_mode_leaves_the_backbone_and_its_statistics_alone(
    frozen: FrozenBackbone,
) -> None:
    before = backbone_digest(frozen.backbone)
    frozen.train()
    frozen(torch.rand(5, 1, 8, 8))
    assert not any(module.training for module in frozen.backbone.modules())
    assert frozen.head.training
    assert backbone_digest(frozen.backbone) == before


def test_features_are_computed_once_and_read_after_that(
    frozen: FrozenBackbone, batches: SplitBatches, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = extractor(frozen).plain(batches, "train")
    monkeypatch.setattr(Backbone, "forward", lambda *_: pytest.fail("computed again"))
    second = extractor(frozen).plain(batches, "train")
    for a, b in zip(first.sequential(6), second.sequential(6), strict=True):
        assert torch.equal(a.images, b.images)


def test_features_are_those_of_the_folded_backbone_within_rounding(
    frozen: FrozenBackbone, batches: SplitBatches, monkeypatch: pytest.MonkeyPatch
) -> None:
    norms: list[object] = []
    monkeypatch.setattr(nn.BatchNorm2d, "forward", lambda norm, x: norms.append(x) or NORM(norm, x))
    stored = next(extractor(frozen).plain(batches, "train").sequential(20)).images
    assert [len(x) for x in norms] == [4]  # looked at, and the rest without
    normalize = Normalize(PREPROCESS, torch.device("cpu"))
    expected = frozen.backbone(normalize(next(batches.sequential(20)).images))
    assert float((stored - expected).abs().max()) <= 1e-5 * float(expected.abs().max())


def test_a_backbone_is_folded_once_for_all_splits_and_views(
    frozen: FrozenBackbone, batches: SplitBatches, monkeypatch: pytest.MonkeyPatch
) -> None:
    norms: list[object] = []
    monkeypatch.setattr(nn.BatchNorm2d, "forward", lambda norm, x: norms.append(x) or NORM(norm, x))
    one = extractor(frozen)
    train, test = one.plain(batches, "train"), one.plain(batches, "test")
    one.augmented(batches, "train", darker, 2)
    assert len(norms) == 1
    a, b = next(train.sequential(20)).images, next(test.sequential(20)).images
    assert torch.equal(a, b)


def test_another_backbone_does_not_find_the_features_of_the_first(
    frozen: FrozenBackbone, batches: SplitBatches
) -> None:
    first = extractor(frozen).plain(batches, "train")
    with torch.no_grad():
        frozen.backbone.get_submodule("network.0").weight.mul_(2)
    second = extractor(frozen).plain(batches, "train")
    a, b = next(first.sequential(20)).images, next(second.sequential(20)).images
    assert not torch.equal(a, b)


def test_a_model_with_a_trainable_backbone_is_not_cached(frozen: FrozenBackbone) -> None:
    assert frozen_parts(frozen) is not None
    next(frozen.backbone.parameters()).requires_grad_(True)
    assert frozen_parts(frozen) is None


def test_a_run_trains_the_head_on_a_backbone_that_clfw_trained(capsys: object) -> None:
    small = ["--data", "fashion_csv", "--steps", "4", "--json"]
    assert outcome(["run", "--model", "plain_cnn", "--out", "first", *small]) == 0
    command = ["run", "--model", "resnet18_frozen", "--out", "second", *small]
    assert outcome([*command, "--set", "model.backbone_weights=first"]) == 0
    assert outcome(["eval", "second", "--split", "test", "--json"]) == 0
    header = json.loads(Path("second/plan.json").read_text())
    assert header["model"]["values"]["described"]["value"]["component"] == "plain_cnn"


def test_a_run_says_what_its_backbone_is_and_what_goes_through_it_before_it_does() -> None:
    small = ("--data", "fashion_csv", "--steps", "4")
    succeed("run", "--model", "plain_cnn", "--out", "first", *small)
    own = ("run", "--model", "resnet18_frozen", "--set", "model.backbone_weights=first", *small)
    said = succeed(*own, "--out", "second").err.splitlines()
    words = "model|backbone|input|data|device|note|features:|run|epoch"
    starts = [line.split()[0] for line in said if re.match(f"({words}) ", line)]
    assert starts == words.split("|")
    assert " parameters, 1,290 of them trained, from clfw" in said[0]
    assert said[1] == "backbone  plain_cnn of first; its input is 28x28 grey"
    count = sum(json.loads(Path("second/data.json").read_text())["rows"].values())
    assert f"features: {count:,} pictures through the frozen backbone" in said
    assert "features:" not in succeed(*own, "--out", "third").err  # they are stored


def test_a_backbone_of_equal_weights_made_with_other_values_has_features_of_its_own() -> None:
    small = ("--data", "fashion_csv", "--steps", "2")
    said = []
    for name, mirror in (("mirrored", "true"), ("plain", "false")):
        values = ("--set", f"model.mirror={mirror}", "--out", name)
        succeed("run", "--model", "fashion_fast", *values, *small)
        own = ("--set", f"model.backbone_weights={name}", "--out", f"on-{name}")
        said.append(succeed("run", "--model", "resnet18_frozen", *own, *small).err)
    assert all("pictures through the frozen backbone" in text for text in said)


def test_the_layers_of_a_pretrained_backbone_are_shown_without_its_weights() -> None:
    shown = succeed("show", "resnet18_frozen", "--data", "hymenoptera").out.splitlines()
    assert shown[1] == "backbone  resnet18 with the weights resnet18.tv_in1k"
    assert "pictures of 128x128 resized to 224x224 for the backbone" in shown[2]
    assert shown[5].split() == ["backbone.resize", "Resize", "3x224x224", "0", "0"]
    assert "11,177,538 parameters, 1,026 of them trained" in shown
    large = ("--set", "data.image_size=224", "--set", "model.backbone_weights=random")
    whole = succeed("show", "resnet18_frozen", "--data", "hymenoptera", *large).out
    assert "backbone  resnet18 with random weights" in whole
    assert "resize" not in whole.lower()


def test_what_is_in_no_layer_is_counted_too() -> None:
    values = ("--set", "model.backbone=vit_tiny_patch16_224")
    show = ("show", "frozen_backbone", "--data", "hymenoptera", *values)
    lines = [line.split() for line in succeed(*show).out.splitlines()]
    ((loose, products),) = (line[1:] for line in lines if line[0] == "elsewhere")
    # class token and positions; queries by keys, and shares by values, in each of 12 blocks
    assert (loose, products) == ("38,016", f"{12 * 2 * 197 * 197 * 192:,}")
    ((total, _),) = (line[1:] for line in lines if line[0] == "total")
    assert total == "5,524,802"


@pytest.mark.parametrize("model", ["resnet18_frozen", "vgg16_frozen"])
def test_absent_weights_name_the_entry_that_fetches_them(model: str) -> None:
    refused = clfw("run", "--model", model, "--data", "fashion_csv")
    assert_refused(refused, 66, f"hint: clfw fetch {model} once, or")
    other = ("--set", "model.backbone=resnet34.tv_in1k")
    refused = clfw("run", "--model", model, "--data", "fashion_csv", *other)
    assert_refused(refused, 66, "hint: --set model.backbone_weights=FILE")


def test_a_file_of_weights_that_is_not_there_is_named() -> None:
    refused = clfw(
        "run", "--model", "resnet18_frozen", "--data", "fashion_csv",
        "--set", "model.backbone_weights=nosuch",
    )  # fmt: skip
    assert_refused(refused, 66, "model.backbone_weights: there is no nosuch")


def test_absent_weights_end_with_three_ways_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(["run", "--model", "resnet18_frozen", "--data", "fashion_csv"]) == 66
    error = capsys.readouterr().err
    for way in ("clfw fetch", "backbone_weights=FILE", "=random"):
        assert way in error
    assert not Path("runs").exists()


def test_a_pickled_backbone_is_refused_for_what_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    Path("net.pth").write_bytes(b"PK\x03\x04" + bytes(600))
    command = ["run", "--model", "resnet18_frozen", "--data", "fashion_csv"]
    assert outcome([*command, "--set", "model.backbone_weights=net.pth"]) == 65
    assert "never unpickles" in capsys.readouterr().err
