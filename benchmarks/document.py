"""`math_cnn` as its document writes it, in plain PyTorch: what somebody without clfw would train."""

from torch import nn


def math_cnn() -> nn.Module:
    """For 28x28 grey pictures of ten classes; each ReLU stands before its pooling."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64 * 7 * 7, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )
