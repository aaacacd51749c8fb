"""Finished weights at hand: pictures in, classes out."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from clfw.api.preprocess import Preprocess
from clfw.artifacts.weights_header import Header
from clfw.data.decoding import decode, decode_picture, silence_pillow
from clfw.errors import DataError, InputMissing, UsageError
from clfw.metrics.objective import objective_of
from clfw.models.batches import Normalize
from clfw.models.device import Device
from clfw.models.torch_backend import TorchBackend
from clfw.text import escape

Picture = Any  # a path, encoded bytes, a PIL image, or an (H, W) or (H, W, 3) uint8 array
PIECE = 1024  # pictures that are decoded at once, so that memory is bounded however many there are


@dataclass(frozen=True, kw_only=True, slots=True)
class Prediction:
    """What a classifier says of one picture.

    Attributes:
        key: the path of the picture, or its place in the list where it has none.
        label: the most probable class; empty beside an error.
        probability: of that class, in [0, 1].
        top: the most probable classes with their probabilities, best first.
        error: why the picture cannot be read; empty where it can.
    """

    key: str
    label: str = ""
    probability: float = 0.0
    top: tuple[tuple[str, float], ...] = ()
    error: str = ""


class Classifier:
    """A trained network with everything that it needs to name the class of a picture.

    Attributes:
        module: the network in evaluation mode, (B, C, H, W) float32 to (B, K) logits.
        header: what the weights file says of itself.
    """

    def __init__(self, header: Header, module: nn.Module, device: Device) -> None:
        """`module` is restored and placed on `device`."""
        self.header = header
        self.module = module.eval()
        self._device = device
        self._backend = TorchBackend(self.module, header.preprocess, device)
        self._normalize = Normalize(header.preprocess, device.torch_device)

    @property
    def classes(self) -> tuple[str, ...]:
        """The K class names in the order of the logits."""
        return self.header.classes

    @property
    def preprocess(self) -> Preprocess:
        """How a picture becomes the network's input: channels, size, fit, mean, deviation."""
        return self.header.preprocess

    def __repr__(self) -> str:
        model = self.header.facts["model"]["entry"]
        return (
            f"Classifier({str(self.header.path)!r}, model {model!r}, {len(self.classes)} classes)"
        )

    def prepare(self, picture: Picture) -> Tensor:
        """The (1, C, H, W) float32 tensor on the device that `predict` feeds the network.

        Args:
            picture: a path, encoded bytes, a PIL image, or an (H, W) or (H, W, 3) uint8 array.

        Raises:
            DataError: the picture does not decode.
            InputMissing: there is no such file, or it cannot be read.
        """
        try:
            pixels = torch.from_numpy(pixels_of(picture, self.preprocess)[None])
        except OSError as error:
            raise InputMissing(f"{key_of(picture, 0)}: {reason(error)}") from None
        images = pixels.permute(0, 3, 1, 2).to(self._device.torch_device).float() / 255
        prepared: Tensor = self._normalize(images)
        return prepared

    def predict(self, pictures: Sequence[Picture], top: int = 1) -> list[Prediction]:
        """One prediction a picture, in order; a picture that cannot be read has an error instead.

        Args:
            pictures: each as `prepare` takes it.
            top: how many of the most probable classes to name.

        Raises:
            UsageError: `top` is below 1, or `pictures` is a single one.
        """
        if isinstance(pictures, str | bytes | os.PathLike) or not isinstance(pictures, Sequence):
            raise UsageError("predict: takes a list of pictures", hint="put the one into a list")
        if top < 1:
            raise UsageError(f"top: must be at least 1, and is {top}")
        predictions: list[Prediction] = []
        for start in range(0, len(pictures), PIECE):
            predictions += self._predict(pictures[start : start + PIECE], start, top)
        return predictions

    def _predict(self, pictures: Sequence[Picture], start: int, top: int) -> list[Prediction]:
        preprocess = self.preprocess
        shape = (len(pictures), preprocess.height, preprocess.width, preprocess.channels)
        images = np.zeros(shape, np.uint8)
        errors: dict[int, str] = {}
        for place, picture in enumerate(pictures):
            try:
                images[place] = pixels_of(picture, preprocess)
            except (DataError, OSError) as error:
                errors[place] = reason(error)
        decision = objective_of(self.header.task).decide(self._backend.logits(images))
        best = decision.most_probable(top)
        probable = np.take_along_axis(decision.probabilities, best, 1)
        rows = zip(probable.tolist(), best.tolist(), strict=True)
        predictions = []
        for place, (probabilities, indices) in enumerate(rows):
            key = key_of(pictures[place], start + place)
            if place in errors:
                predictions.append(Prediction(key=key, error=errors[place]))
                continue
            named = tuple((self.classes[k], p) for k, p in zip(indices, probabilities, strict=True))
            label, probability = named[0]
            predictions.append(Prediction(key=key, label=label, probability=probability, top=named))
        return predictions


def pixels_of(picture: Picture, preprocess: Preprocess) -> NDArray[np.uint8]:
    """(H, W, C) uint8 as `preprocess` asks for; raises `DataError` or `OSError`."""
    with silence_pillow():
        if isinstance(picture, str | os.PathLike):
            return decode(Path(picture).read_bytes(), preprocess)
        if isinstance(picture, bytes | np.ndarray):
            return decode(picture, preprocess)
        return decode(decode_picture(picture), preprocess)


def reason(error: DataError | OSError) -> str:
    """Why a picture cannot be read."""
    if isinstance(error, DataError):
        return error.message
    return f"cannot be read: {error.strerror}"


def key_of(picture: Picture, place: int) -> str:
    """What a picture is called: its path, or its place in the list."""
    return escape(str(picture), 4096) if isinstance(picture, str | os.PathLike) else str(place)
