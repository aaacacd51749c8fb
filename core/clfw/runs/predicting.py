"""Finished weights at work with PyTorch and the parts that an engine names."""

import numpy as np
from numpy.typing import NDArray

from clfw.artifacts.weights_header import Header
from clfw.inference import predictions
from clfw.inference.inputs import OpenedPictures
from clfw.inference.predictions import Prediction
from clfw.metrics.evaluation import Evaluation
from clfw.models.torch_backend import TorchBackend
from clfw.plugins.manager import Catalog
from clfw.training.setup import Engine


def logits_of(
    header: Header, opened: OpenedPictures, catalog: Catalog, engine: Engine, device_name: str
) -> NDArray[np.float32]:
    """(M, K) logits of the opened pictures."""
    backend = TorchBackend.restore(header, catalog, engine.device(device_name))
    return predictions.logits_of(backend, opened)


def evaluate_split(
    header: Header, opened: OpenedPictures, catalog: Catalog, engine: Engine, device_name: str
) -> Evaluation:
    """Figures of the opened pictures, which all have labels."""
    backend = TorchBackend.restore(header, catalog, engine.device(device_name))
    return predictions.evaluate(backend, opened, header.task, engine.evaluator)


def predict_split(
    header: Header, opened: OpenedPictures, catalog: Catalog, engine: Engine, device_name: str
) -> list[Prediction]:
    """One prediction for each opened picture, in order."""
    backend = TorchBackend.restore(header, catalog, engine.device(device_name))
    return predictions.predict(backend, opened, header.task)
