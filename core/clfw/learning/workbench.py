"""The model, placed and tried, with the batches it is to see: what stands before training starts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from clfw.artifacts.weights import build_model, load_tensors, refuse_shared, require_output
from clfw.augmenting import build_augments, chain
from clfw.choices import Choice
from clfw.components import Architecture
from clfw.data.datafolders import weights_folder
from clfw.data.memorybudget import SHARE, MemoryBudget, memory_budget
from clfw.data.opening import Pictures, Progress, task_of
from clfw.errors import counted
from clfw.host.attribution import attributed, called
from clfw.learning.batches import Batches, Normalise, SplitBatches, evaluation_size
from clfw.learning.device import Device, TorchDevice, prepare
from clfw.learning.evaluation import Evaluation, Evaluator, StandardEvaluator, predict_logits
from clfw.learning.features import Extractor, backbone_digest, frozen_parts, identity
from clfw.learning.job import AugmentBatch, Job, Keeper, Say, Trainer, no_augmentation
from clfw.learning.optimisation import build_loss
from clfw.learning.record import EpochReport
from clfw.learning.stateparts import seed_generators
from clfw.learning.training import StandardTrainer
from clfw.plan import Plan
from clfw.recipe import Recipe
from clfw.runfolder import runs
from clfw.source import SPLITS
from clfw.task import Task


@dataclass(frozen=True, kw_only=True, slots=True)
class Seams:
    """The parts of a run that can be exchanged whole."""

    device: Callable[[str], Device] = TorchDevice
    trainer: Trainer = field(default_factory=StandardTrainer)
    evaluator: Evaluator = field(default_factory=StandardEvaluator)


@dataclass(frozen=True, kw_only=True, slots=True)
class Workbench:
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
    normalise: Callable[[Tensor], Tensor]
    batches: Mapping[str, Batches]
    evaluator: Evaluator
    size: int
    notes: tuple[str, ...] = ()

    def logits(self, model: nn.Module, split: str) -> Tensor:
        """(N, K) logits of a split on the CPU."""
        return predict_logits(model, self.batches[split], self.normalise, self.size, self.device)

    def evaluate(self, model: nn.Module, split: str) -> Evaluation:
        """Figures of a labelled split."""
        targets = self.batches[split].targets.cpu()
        return self.evaluator.evaluate(self.logits(model, split), targets, self.task.classes)

    def job(
        self,
        recipe: Recipe,
        *,
        keeper: Keeper,
        report: Callable[[EpochReport], None],
        progress: Progress,
        watched: Sequence[str] = (),
    ) -> Job:
        """What a trainer is given; of the splits in `watched` those that there are."""
        return Job(
            model=self.trained,
            training=self.batches["train"],
            num_classes=self.task.num_classes,
            augment=self.augment,
            normalise=self.normalise,
            recipe=recipe,
            device=self.device,
            held_out={
                split: partial(self.evaluate, split=split)
                for split in watched
                if split in self.batches
            },
            report=report,
            progress=progress,
            keeper=keeper,
        )


def set_up(plan: Plan, pictures: Pictures, seams: Seams, resumed: Path | None) -> Workbench:
    """Build, initialise and place the model; make its batches; try all on two blank pictures.

    `resumed` is the run folder whose frozen backbone is taken up; nothing is initialised then.
    """
    prepare(plan.threads, plan.deterministic)
    device = seams.device(plan.device)
    task = task_of(pictures.rows, pictures.preprocess)
    seed_generators(plan.recipe.params.seed)
    architecture = plan.model.component
    with attributed(plan.model.plugin, "build"):
        model = build_model(architecture, plan.model.params, task)
    if resumed is None and architecture.initialise:
        folder = weights_folder(plan.data_folder)
        called(plan.model.plugin, architecture.initialise, model, plan.model.params, folder)
    model = device.place(model, plan.memory_format)
    with attributed(plan.model.plugin, "its network"):
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
        if pictures.rows.labelled(split)
    }
    bench = Workbench(
        model=model,
        trained=model,
        task=task,
        device=device,
        augment=build_augment(plan, task, device),
        normalise=Normalise(pictures.preprocess, device.torch_device),
        batches=batches,
        evaluator=seams.evaluator,
        size=evaluation_size(pictures.preprocess),
        notes=(f"the pictures are streamed from the cache: {why}",) if why else (),
    )
    parts = frozen_parts(model)
    if parts is None:
        return bench
    if resumed is not None:
        load_tensors(parts[0], resumed / runs.BACKBONE)
    note = "the backbone is frozen: its features are computed once a picture"
    if plan.augment:
        note += f", and for {plan.recipe.params.views} augmented views of each training picture"
    return replace(bench, notes=(*bench.notes, note))


def why_streamed(size: int, asked: int | None, device: torch.device) -> str:
    """Why `size` bytes of pictures are not to be held in memory; "" where they are.

    `asked` is the memory budget in bytes that a person gives, None for the machine's own.
    """
    why = memory_budget(asked).exceeded_by(size)
    if why or device.type != "cuda":
        return why
    free, _ = torch.cuda.mem_get_info(device)
    share = MemoryBudget(int(SHARE * free), f"{SHARE:.0%} of the GPU's free memory")
    return share.exceeded_by(size)


def on_features(
    plan: Plan, pictures: Pictures, bench: Workbench, say: Say, progress: Progress
) -> Workbench:
    """The workbench on which only the head is left to train, from stored features.

    Any other model keeps the workbench that it has.
    """
    parts = frozen_parts(bench.model)
    if parts is None:
        return bench
    backbone, head = parts
    extractor = Extractor(
        backbone=backbone,
        normalise=bench.normalise,
        device=bench.device,
        size=bench.size,
        facts={
            "backbone": backbone_digest(backbone),
            "model": made_as(plan.model),
            "data": pictures.fingerprint,
            "preprocess": pictures.preprocess.to_json(),
            "augment": [choice.to_json() for choice in plan.augment],
            "seed": plan.recipe.params.seed if plan.augment else 0,
            "device": dict(bench.device.facts()),
            "torch": torch.__version__,
        },
        progress=progress,
        name=plan.data.choice.entry,
    )
    views = plan.recipe.params.views if plan.augment else 0
    batches = bench.batches
    absent = sum(len(part) for split, part in batches.items() if extractor.lacks(split))
    drawn = sum(extractor.lacks("train", bench.augment, view) for view in range(views))
    if count := absent + drawn * len(batches["train"]):
        say(f"features: {counted(count, 'picture')} through the frozen backbone")
    features = {split: extractor.plain(part, split) for split, part in batches.items()}
    if views:
        features["train"] = extractor.augmented(batches["train"], "train", bench.augment, views)
    return replace(
        bench, trained=head, augment=no_augmentation, normalise=identity, batches=features
    )


def made_as(model: Choice[Architecture]) -> dict[str, Any]:
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
    augment = chain(build_augments(plan.augment, task), plan.recipe.params.seed)
    blank = torch.zeros(2, task.channels, task.height, task.width, device=device.torch_device)
    targets = torch.zeros(2, dtype=torch.int64, device=device.torch_device)
    augment(blank, targets, torch.zeros_like(targets), 0)
    return augment
