"""The mixer: (B, C, H, W) float32 to (B, K) logits (Tolstikhin et al. 2021, arXiv:2105.01601)."""

from torch import Tensor, nn

from clfw import Task, TaskNotSupported
from clfw_mixer.params import MixerParams


class Block(nn.Module):
    """Mixes patches, then channels, each around a skip."""

    def __init__(self, patches: int, width: int) -> None:
        super().__init__()
        self.first = nn.LayerNorm(width)
        self.patches = nn.Sequential(
            nn.Linear(patches, width), nn.GELU(), nn.Linear(width, patches)
        )
        self.second = nn.LayerNorm(width)
        self.channels = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))

    def forward(self, x: Tensor) -> Tensor:
        """(B, P, C) to the same."""
        x = x + self.patches(self.first(x).transpose(1, 2)).transpose(1, 2)
        mixed: Tensor = x + self.channels(self.second(x))
        return mixed


class Mixer(nn.Module):
    """Patches, blocks, a mean over the patches, one linear layer."""

    def __init__(self, params: MixerParams, task: Task) -> None:
        super().__init__()
        side = params.patch
        self.cut = nn.Conv2d(task.channels, params.width, side, stride=side)
        patches = (task.height // side) * (task.width // side)
        self.blocks = nn.Sequential(*(Block(patches, params.width) for _ in range(params.depth)))
        self.norm = nn.LayerNorm(params.width)
        self.head = nn.Linear(params.width, task.num_classes)

    def forward(self, images: Tensor) -> Tensor:
        x = self.blocks(self.cut(images).flatten(2).transpose(1, 2))
        logits: Tensor = self.head(self.norm(x).mean(1))
        return logits


def build(params: MixerParams, task: Task) -> nn.Module:
    """The mixer for a task; pictures must divide into patches."""
    if task.height % params.patch or task.width % params.patch:
        raise TaskNotSupported(
            f"mixer: {task.height}x{task.width} pixels do not divide into patches of {params.patch}",
            hint=f"add --set data.image_size={8 * params.patch}, or --set model.patch=1",
        )
    return Mixer(params, task)
