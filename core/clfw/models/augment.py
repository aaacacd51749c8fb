"""Random changes of training pictures: the interface, and draws that depend on the row alone."""

from collections.abc import Callable, Sequence

from torch import Tensor

from clfw.api.components import Augmentation, PluginFault
from clfw.api.draws import Augment, Draws
from clfw.api.task import Task
from clfw.config.resolution import ResolvedComponent
from clfw.plugins.plugin_calls import call_plugin, plugin_errors


def build_augmentations(
    choices: Sequence[ResolvedComponent[Augmentation]], task: Task
) -> list[Augment]:
    """The chosen augmentations for a task, each with its plugin's name on what it raises."""

    def named(choice: ResolvedComponent[Augmentation]) -> Augment:
        change: Augment = call_plugin(choice.plugin, choice.component.build, choice.params, task)

        def augment(images: Tensor, targets: Tensor, draws: Draws) -> tuple[Tensor, Tensor]:
            with plugin_errors(choice.plugin, f"augmentation '{choice.component.name}'"):
                changed, targets = change(images, targets, draws)
                if changed.shape != images.shape:
                    shapes = f"{tuple(images.shape)} became {tuple(changed.shape)}"
                    raise PluginFault(f"augmentation '{choice.component.name}': {shapes}")
            return changed, targets

        return augment

    return [named(choice) for choice in choices]


def compose(augments: Sequence[Augment], seed: int) -> Callable[..., tuple[Tensor, Tensor]]:
    """One function (images, targets, rows, epoch) to (images, targets) that applies all in order."""

    def apply(images: Tensor, targets: Tensor, rows: Tensor, epoch: int) -> tuple[Tensor, Tensor]:
        for component, augment in enumerate(augments):
            draws = Draws(rows, seed=seed, epoch=epoch, component=component)
            images, targets = augment(images, targets, draws)
        return images, targets

    return apply
