"""A backbone that does not learn, under a linear head that does."""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from clfw import Task, read_tensors, require_fit
from clfw.api import DataError, escape
from clfw_plugins.backbones.params import FrozenBackboneParams
from clfw_plugins.backbones.requirements import weights_path
from clfw_plugins.backbones.timm_model import create

HEAD_NAMES = ("fc.", "classifier.", "head.", "head.fc.")  # how timm names what is replaced


class Resize(nn.Module):
    """Scales pictures up until no side is under `side` pixels, bilinear."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side

    def forward(self, images: Tensor) -> Tensor:
        height, width = images.shape[2:]
        size = (max(height, self.side), max(width, self.side))
        return interpolate(images, size, mode="bilinear", align_corners=False)


class Backbone(nn.Module):
    """A network without its head: (B, C, H, W) to (B, F), scaling small pictures up first."""

    def __init__(self, network: nn.Module, side: int) -> None:
        """`side` is the least height and width, pixels; 0 to leave pictures as they are."""
        super().__init__()
        self.network = network
        self.resize = Resize(side)

    def forward(self, images: Tensor) -> Tensor:
        if min(images.shape[2:]) < self.resize.side:
            images = self.resize(images)
        features: Tensor = self.network(images)
        return features.flatten(1)


class FrozenBackbone(nn.Module):
    """`head(backbone(images))`, where the backbone never trains nor enters training mode."""

    def __init__(self, backbone: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone.requires_grad_(False).eval()
        self.head = head

    def train(self, mode: bool = True) -> "FrozenBackbone":
        """Only the head changes mode: batch-norm statistics of the backbone must not move."""
        super().train(mode)
        self.backbone.eval()
        return self

    def forward(self, images: Tensor) -> Tensor:
        with torch.no_grad():
            features = self.backbone(images)
        logits: Tensor = self.head(features)
        return logits


def build(params: FrozenBackboneParams, task: Task, network: nn.Module | None = None) -> nn.Module:
    """The backbone with random weights and the head; `initialize` loads the backbone's own.

    `network` is the one that the weights file described, if it did; it loses its head.
    """
    if network is not None:
        backbone = Backbone(without_head(network), 0)
    else:
        body = create(params.backbone, num_classes=0, in_chans=task.channels)
        backbone = Backbone(body, params.input_size)
    return FrozenBackbone(backbone, nn.Linear(num_features(backbone, task), task.num_classes))


def without_head(model: nn.Module) -> nn.Module:
    """`model` with its last linear layer, which gives the logits, taken out."""
    linears = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)]
    if not linears:
        raise DataError("the backbone has no linear layer to take out as its head")
    parent, _, name = linears[-1].rpartition(".")
    setattr(model.get_submodule(parent), name, nn.Identity())
    return model


def num_features(backbone: nn.Module, task: Task) -> int:
    """F, found on a black picture; on the meta device batch norm would import PyTorch's compiler."""
    backbone.eval()
    with torch.no_grad():
        return int(backbone(torch.zeros(1, task.channels, task.height, task.width)).shape[1])


def initialize(model: FrozenBackbone, params: FrozenBackboneParams, weights_folder: Path) -> None:
    """Load the backbone's weights; names, shapes and dtypes must all fit.

    Raises:
        DataError: damaged file, or tensors that do not fit.
    """
    if params.backbone_weights == "random":
        return
    file = weights_path(params, weights_folder)
    network = model.backbone.get_submodule("network")
    tensors = read_tensors(file)
    state = network.state_dict()
    if params.described:
        head = {name for name in tensors if name not in state}
        if len({name.rpartition(".")[0] for name in head}) > 1:
            raise DataError(f"{escape(str(file))}: more than a head would be left out")
    else:
        head = {name for name in tensors if name not in state and name.startswith(HEAD_NAMES)}
    kept = {name: tensor for name, tensor in tensors.items() if name not in head}
    require_fit(kept, state, escape(str(file)))
    network.load_state_dict(kept)
