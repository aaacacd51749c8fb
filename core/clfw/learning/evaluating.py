"""Finished weights at work: figures of labelled pictures, predictions for any."""

import torch
from torch import Tensor

from clfw.artifacts.weights import restore_model
from clfw.artifacts.weightsfile import Header
from clfw.host.manager import Catalog
from clfw.learning.batches import Normalise, SplitBatches, evaluation_size
from clfw.learning.device import prepare
from clfw.learning.evaluation import Evaluation, predict_logits
from clfw.learning.inference import OpenedPictures, Prediction
from clfw.learning.workbench import Seams, why_streamed


def logits_of(
    header: Header, opened: OpenedPictures, catalog: Catalog, seams: Seams, device_name: str
) -> Tensor:
    """(M, K) logits of the opened pictures on the CPU."""
    prepare(None, deterministic=False)
    device = seams.device(device_name)
    model = device.place(restore_model(header, catalog))
    why = why_streamed(opened.images.nbytes, None, device.torch_device)
    streamed = opened.pixels if why else None
    batches = SplitBatches(opened.images, opened.targets, opened.positions, device, streamed)
    normalise = Normalise(header.preprocess, device.torch_device)
    return predict_logits(model, batches, normalise, evaluation_size(header.preprocess), device)


def evaluate_split(
    header: Header, opened: OpenedPictures, catalog: Catalog, seams: Seams, device_name: str
) -> Evaluation:
    """Figures of the opened pictures, which all have labels."""
    logits = logits_of(header, opened, catalog, seams, device_name)
    targets = torch.from_numpy(opened.targets[opened.positions])
    return seams.evaluator.evaluate(logits, targets, header.classes)


def predict_split(
    header: Header, opened: OpenedPictures, catalog: Catalog, seams: Seams, device_name: str
) -> list[Prediction]:
    """One prediction for each opened picture, in order."""
    logits = logits_of(header, opened, catalog, seams, device_name)
    best = logits.double().softmax(1).max(1)
    classes = best.indices.tolist()
    labels = map(opened.labels.__getitem__, classes)
    names = map(header.classes.__getitem__, classes)
    rows = list(map(Prediction, opened.keys, labels, names, best.values.tolist()))
    for place, error in opened.errors.items():
        rows[place] = Prediction(key=opened.keys[place], error=error)
    return rows
