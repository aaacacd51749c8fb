"""Finished weights at work: figures of labelled pictures, predictions for any."""

import torch
from torch import Tensor

from clfw.artifacts.weights_header import Header
from clfw.inference.inputs import OpenedPictures, Prediction
from clfw.metrics.evaluation import Evaluation
from clfw.models.batches import Normalize, SplitBatches, evaluation_size
from clfw.models.device import prepare, why_streamed
from clfw.models.logits import predict_logits
from clfw.models.weights_io import restore_model
from clfw.plugins.manager import Catalog
from clfw.training.setup import Engine


def logits_of(
    header: Header, opened: OpenedPictures, catalog: Catalog, engine: Engine, device_name: str
) -> Tensor:
    """(M, K) logits of the opened pictures on the CPU."""
    prepare(None, deterministic=False)
    device = engine.device(device_name)
    model = device.place(restore_model(header, catalog))
    why = why_streamed(opened.images.nbytes, None, device.torch_device)
    streamed = opened.pixels if why else None
    batches = SplitBatches(opened.images, opened.targets, opened.positions, device, streamed)
    normalize = Normalize(header.preprocess, device.torch_device)
    return predict_logits(model, batches, normalize, evaluation_size(header.preprocess), device)


def evaluate_split(
    header: Header, opened: OpenedPictures, catalog: Catalog, engine: Engine, device_name: str
) -> Evaluation:
    """Figures of the opened pictures, which all have labels."""
    logits = logits_of(header, opened, catalog, engine, device_name)
    targets = torch.from_numpy(opened.targets[opened.positions])
    return engine.evaluator.evaluate(logits, targets, header.classes)


def predict_split(
    header: Header, opened: OpenedPictures, catalog: Catalog, engine: Engine, device_name: str
) -> list[Prediction]:
    """One prediction for each opened picture, in order."""
    logits = logits_of(header, opened, catalog, engine, device_name)
    best = logits.double().softmax(1).max(1)
    classes = best.indices.tolist()
    labels = map(opened.labels.__getitem__, classes)
    names = map(header.classes.__getitem__, classes)
    rows = list(map(Prediction, opened.keys, labels, names, best.values.tolist()))
    for place, error in opened.errors.items():
        rows[place] = Prediction(key=opened.keys[place], error=error)
    return rows
