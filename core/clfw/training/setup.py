"""The model, placed and tried, with the batches it is to see: what stands before training starts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from clfw.api import run_files
from clfw.api.components import Architecture
from clfw.api.reports import EpochReport
from clfw.api.source import SPLITS
from clfw.api.task import Task
from clfw.config.data_folders import weights_folder
from clfw.config.plan import Plan
from clfw.config.recipe import Recipe
from clfw.config.resolution import ResolvedComponent
from clfw.data.opening import DecodedImages, task_of
from clfw.io.progress import Console, Progress
from clfw.metrics.evaluation import Evaluation
from clfw.metrics.objective import Evaluator, StandardEvaluator
from clfw.models.augment import build_augmentations, compose
from clfw.models.batches import Batches, Normalize, SplitBatches, evaluation_size
from clfw.models.device import Device, TorchDevice, prepare, why_streamed
from clfw.models.logits import predict_logits
from clfw.models.weights_io import build_model, load_tensors, refuse_shared, require_output
from clfw.plugins.plugin_calls import call_plugin, plugin_errors
from clfw.text import plural
from clfw.training.features import Extractor, backbone_digest, frozen_parts, identity
from clfw.training.loop import StandardTrainer
from clfw.training.losses import build_loss
from clfw.training.protocols import (
    AugmentBatch,
    Checkpointer,
    Trainer,
    TrainInputs,
    no_augmentation,
)
from clfw.training.state_schema import seed_generators


@dataclass(frozen=True, kw_only=True, slots=True)
class Engine:
    """The parts of a run that can be exchanged whole."""

    device: Callable[[str], Device] = TorchDevice
    trainer: Trainer = field(default_factory=StandardTrainer)
    evaluator: Evaluator = field(default_factory=StandardEvaluator)


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingSetup:
    """A placed model with the batches it is to see.

    Attributes:
        model: the whole network, which is saved.
        trained: what the batches go through: the network, or the head of a frozen backbone.
        notes: what was chosen for the person, with reasons.
    """

    model: nn.Module
    trained: nn.Module
    task: Task
    device: Device
    augment: AugmentBatch
    normalize: Callable[[Tensor], Tensor]
    batches: Mapping[str, Batches]
    evaluator: Evaluator
    size: int
    notes: tuple[str, ...] = ()

    def logits(self, model: nn.Module, split: str) -> NDArray[np.float32]:
        """(N, K) logits of a split."""
        return predict_logits(model, self.batches[split], self.normalize, self.size, self.device)

    def evaluate(self, model: nn.Module, split: str) -> Evaluation:
        """Figures of a labelled split."""
        return self.figures(self.logits(model, split), split)

    def figures(self, logits: NDArray[np.float32], split: str) -> Evaluation:
        """Figures of (N, K) logits of a labelled split."""
        targets = self.batches[split].targets.cpu().numpy()
        return self.evaluator.evaluate(logits, targets, self.task)

    def train_inputs(
        self,
        recipe: Recipe,
        *,
        checkpointer: Checkpointer,
        report: Callable[[EpochReport], None],
        progress: Progress,
        watched: Sequence[str] = (),
    ) -> TrainInputs:
        """What a trainer is given; of the splits in `watched` those that there are."""
        return TrainInputs(
            model=self.trained,
            training=self.batches["train"],
            num_classes=self.task.num_classes,
            augment=self.augment,
            normalize=self.normalize,
            recipe=recipe,
            device=self.device,
            held_out={
                split: partial(self.evaluate, split=split)
                for split in watched
                if split in self.batches
            },
            report=report,
            progress=progress,
            checkpointer=checkpointer,
        )


def prepare_training(
    plan: Plan, pictures: DecodedImages, engine: Engine, resumed: Path | None
) -> TrainingSetup:
    """Build, initialise and place the model; make its batches; try all on two blank pictures.

    `resumed` is the run folder whose frozen backbone is taken up; nothing is initialised then.
    """
    prepare(plan.threads, plan.deterministic)
    device = engine.device(plan.device)
    task = task_of(pictures.rows, pictures.preprocess)
    seed_generators(plan.recipe.params.seed)
    architecture = plan.model.component
    with plugin_errors(plan.model.plugin, "build"):
        model = build_model(architecture, plan.model.params, task, plan.model.embedded)
    if resumed is None and architecture.initialize:
        folder = weights_folder(plan.data_folder)
        call_plugin(plan.model.plugin, architecture.initialize, model, plan.model.params, folder)
    model = device.place(model, plan.memory_format)
    with plugin_errors(plan.model.plugin, "its network"):
        require_output(model, task, architecture.name)
    refuse_shared(model)  # now, and not when the first checkpoint is written
    targets = torch.from_numpy(pictures.targets[pictures.where("train")])
    build_loss(plan.recipe.params, targets, task.num_classes)  # refuses before a folder is made
    why = why_streamed(pictures.images.nbytes, plan.memory_budget, device.torch_device)
    streamed = pictures.pixels if why else None
    batches = {
        split: SplitBatches(
            pictures.images, pictures.targets, pictures.where(split), device, streamed
        )
        for split in SPLITS
        if pictures.rows.labeled(split)
    }
    setup = TrainingSetup(
        model=model,
        trained=model,
        task=task,
        device=device,
        augment=build_augment(plan, task, device),
        normalize=Normalize(pictures.preprocess, device.torch_device),
        batches=batches,
        evaluator=engine.evaluator,
        size=evaluation_size(pictures.preprocess),
        notes=(f"the pictures are streamed from the cache: {why}",) if why else (),
    )
    parts = frozen_parts(model)
    if parts is None:
        return setup
    if resumed is not None:
        load_tensors(parts[0], resumed / run_files.BACKBONE)
    note = "the backbone is frozen: its features are computed once a picture"
    if plan.augment:
        note += f", and for {plan.recipe.params.views} augmented views of each training picture"
    return replace(setup, notes=(*setup.notes, note))


def on_features(
    plan: Plan, pictures: DecodedImages, setup: TrainingSetup, console: Console
) -> TrainingSetup:
    """The setup on which only the head is left to train, from stored features.

    Any other model keeps the setup that it has.
    """
    parts = frozen_parts(setup.model)
    if parts is None:
        return setup
    backbone, head = parts
    extractor = Extractor(
        backbone=backbone,
        normalize=setup.normalize,
        device=setup.device,
        size=setup.size,
        facts={
            "backbone": backbone_digest(backbone),
            "model": model_identity(plan.model),
            "data": pictures.fingerprint,
            "preprocess": pictures.preprocess.to_json(),
            "augment": [choice.to_json() for choice in plan.augment],
            "seed": plan.recipe.params.seed if plan.augment else 0,
            "device": dict(setup.device.facts()),
            "torch": torch.__version__,
        },
        progress=console.progress,
        name=plan.data.entry,
    )
    views = plan.recipe.params.views if plan.augment else 0
    batches = setup.batches
    absent = sum(len(part) for split, part in batches.items() if extractor.lacks(split))
    drawn = sum(extractor.lacks("train", setup.augment, view) for view in range(views))
    if count := absent + drawn * len(batches["train"]):
        console.say(f"features: {plural(count, 'picture')} through the frozen backbone")
    features = {split: extractor.plain(part, split) for split, part in batches.items()}
    if views:
        features["train"] = extractor.augmented(batches["train"], "train", setup.augment, views)
    return replace(
        setup, trained=head, augment=no_augmentation, normalize=identity, batches=features
    )


def model_identity(model: ResolvedComponent[Architecture]) -> dict[str, Any]:
    """What decides a network besides its tensors."""
    return {
        "component": model.component.name,
        "version": [model.plugin.package, model.plugin.version],
        "values": model.params.model_dump(mode="json"),
    }


def build_augment(plan: Plan, task: Task, device: Device) -> AugmentBatch:
    """The plan's augmentations as one function, tried on two blank pictures."""
    if not plan.augment:
        return no_augmentation
    augment = compose(build_augmentations(plan.augment, task), plan.recipe.params.seed)
    blank = torch.zeros(2, task.channels, task.height, task.width, device=device.torch_device)
    targets = torch.zeros(2, dtype=torch.int64, device=device.torch_device)
    augment(blank, targets, torch.zeros_like(targets), 0)
    return augment
