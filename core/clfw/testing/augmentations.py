"""Checks of augmentations: batches changed, and what they must not depend on."""

import contextlib
from functools import partial

import torch
from torch import Tensor

from clfw.api.components import Augmentation, load
from clfw.api.draws import Augment, Draws
from clfw.api.params import params_class
from clfw.api.task import Task
from clfw.errors import TaskNotSupported
from clfw.testing.check import Check, Fault, require

TASKS = (
    Task(classes=("a", "b", "c", "d"), channels=1, height=28, width=28),
    Task(classes=("a", "b", "c", "d"), channels=3, height=32, width=48),
)
COUNT = 16
MANY, EPOCHS = 256, 3  # of pictures and epochs, for what happens seldom


def augmentation_checks(component: Augmentation) -> dict[str, Check]:
    """Every check of an augmentation, by what it tries."""
    checks = {
        "changing a batch": keeps_shape_and_type,
        "looking for a change": does_something,
        "looking at the range": keeps_the_range,
        "changing black and white pictures": takes_plain_pictures,
        "looking at the targets": keeps_targets_valid,
        "looking at what it was given": leaves_its_input,
        "changing one picture many times": draws_for_each_picture,
        "changing a row in another batch": draws_by_row,
        "changing a row in another epoch": draws_by_epoch,
        "looking at torch's random numbers": draws_from_its_draws_alone,
        "changing a batch of one": takes_any_size,
    }
    return {words: partial(check, component) for words, check in checks.items()}


def served(component: Augmentation) -> list[Task]:
    """The tasks that it can be built for; a clear `TaskNotSupported` is an answer too."""
    tasks = []
    for task in TASKS:
        with contextlib.suppress(TaskNotSupported):
            built(component, task)
            tasks.append(task)
    require(tasks, "serves neither grey nor colour pictures: build it for one of them")
    return tasks


def built(component: Augmentation, task: Task) -> Augment:
    """The augmentation with default parameters."""
    function = load(component.build)(params_class(component)(), task)
    require(callable(function), "build must return a function (images, targets, draws)")
    found: Augment = function
    return found


def batch(task: Task, count: int = COUNT) -> tuple[Tensor, Tensor]:
    """Pictures in [0, 1] (B, C, H, W) and class indices (B,), the same ones each time."""
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(count, task.channels, task.height, task.width, generator=generator)
    return images, torch.arange(count) % task.num_classes


def draws(rows: Tensor, epoch: int = 1) -> Draws:
    """Of a run with seed 7."""
    return Draws(rows, seed=7, epoch=epoch, component=0)


def changed(
    component: Augmentation, task: Task, rows: Tensor | None = None, epoch: int = 1
) -> tuple[Tensor, Tensor]:
    """A batch after the augmentation."""
    images, targets = batch(task)
    rows = torch.arange(COUNT) if rows is None else rows
    answer = built(component, task)(images.clone(), targets.clone(), draws(rows, epoch))
    require(
        isinstance(answer, tuple) and len(answer) == 2,
        "must return (images, targets): hand the targets on where they do not change",
    )
    return answer


def keeps_shape_and_type(component: Augmentation) -> None:
    """(B, C, H, W) float32 on the same device comes back."""
    for task in served(component):
        images, _ = batch(task)
        after, _ = changed(component, task)
        require(
            after.shape == images.shape,
            f"{tuple(images.shape)} became {tuple(after.shape)}: keep shape, crop and pad back",
        )
        require(
            after.dtype == images.dtype,
            f"{images.dtype} became {after.dtype}: convert back, or draw in images.dtype",
        )
        require(
            after.device == images.device,
            f"pictures on {images.device} came back on {after.device}: make every tensor on "
            "images.device",
        )


def does_something(component: Augmentation) -> None:
    """With default parameters some picture or target changes, in some epoch."""
    for task in served(component):
        images, targets = batch(task, MANY)
        function = built(component, task)
        for epoch in range(EPOCHS):
            numbers = draws(torch.arange(MANY), epoch)
            after, labels = function(images.clone(), targets.clone(), numbers)
            if not torch.equal(after, images) or not torch.equal(labels, targets):
                return
    raise Fault(
        f"changes none of {MANY} pictures in {EPOCHS} epochs: return what is changed, and let the "
        "default parameters do something"
    )


def takes_plain_pictures(component: Augmentation) -> None:
    """Black, grey and white pictures stay finite and in [0, 1]: they divide by zero."""
    for task in served(component):
        function = built(component, task)
        for value, word in ((0.0, "black"), (0.5, "grey"), (1.0, "white")):
            images = torch.full((COUNT, task.channels, task.height, task.width), value)
            _, targets = batch(task)
            after, _ = function(images, targets, draws(torch.arange(COUNT)))
            require(
                torch.isfinite(after).all() and after.min() >= 0 and after.max() <= 1,
                f"a {word} picture leaves [0, 1]: guard divisions, as in x / y.clamp(min=1e-6), and "
                "end with images.clamp(0, 1)",
            )


def keeps_the_range(component: Augmentation) -> None:
    """Pictures stay in [0, 1]: normalisation comes after."""
    for task in served(component):
        after, _ = changed(component, task)
        low, high = after.min().item(), after.max().item()
        require(
            low >= 0 and high <= 1,
            f"pictures in [0, 1] became {low:.3g} to {high:.3g}: end with images.clamp(0, 1)",
        )


def keeps_targets_valid(component: Augmentation) -> None:
    """Class indices stay as they are, or become shares (B, K) that sum to 1."""
    task = served(component)[0]
    images, targets = batch(task)
    shares = torch.nn.functional.one_hot(targets, task.num_classes).float()
    for given in (targets, shares):
        function = built(component, task)
        _, after = function(images.clone(), given.clone(), draws(torch.arange(COUNT)))
        if after.dtype == torch.int64:
            require(
                torch.equal(after, given),
                "class indices change: return the targets as they came, or mix them as shares",
            )
            continue
        require(
            after.shape == (COUNT, task.num_classes) and after.is_floating_point(),
            f"targets became {tuple(after.shape)} {after.dtype}: return (B,) int64 or (B, K) float",
        )
        require(
            (after >= 0).all() and torch.allclose(after.sum(1), torch.ones(COUNT), atol=1e-4),
            "the shares of a picture's classes do not sum to 1: mix them as the pictures are mixed",
        )


def leaves_its_input(component: Augmentation) -> None:
    """The pictures of a set live in memory once: changed in place they are changed for good."""
    for task in served(component):
        images, targets = batch(task, MANY)
        shares = torch.nn.functional.one_hot(targets, task.num_classes).float()
        for given in (targets, shares):
            before, given_before = images.clone(), given.clone()
            built(component, task)(images, given, draws(torch.arange(MANY)))
            require(
                torch.equal(images, before) and torch.equal(given, given_before),
                "changes what it is given in place: return new tensors",
            )


def many_of_one(component: Augmentation, epoch: int = 1) -> tuple[Tensor, Tensor]:
    """One picture in 64 rows, before and after."""
    task = served(component)[-1]
    images = batch(task, 1)[0].expand(64, -1, -1, -1).contiguous()
    targets = torch.zeros(64, dtype=torch.int64)
    after, _ = built(component, task)(images.clone(), targets, draws(torch.arange(64), epoch))
    return images, after


def draws_for_each_picture(component: Augmentation) -> None:
    """Each picture of a batch is changed in its own way."""
    before, after = many_of_one(component)
    if torch.equal(before, after):  # it mixes pictures, or does nothing by default
        return
    require(
        not torch.equal(after, after[:1].expand_as(after)),
        "every picture of a batch gets the same change: draw one number a picture with "
        "draws.uniform(), which is (B, 1)",
    )


def draws_by_row(component: Augmentation) -> None:
    """A row's draw is the same whatever batch it is in: order, batch size and ranks cannot matter.

    What mixes pictures has other partners in another batch, so it is tried on equal pictures.
    """
    task = served(component)[0]
    images, targets = batch(task)
    if mixes(component, task):
        images, targets = images[:1].expand_as(images).contiguous(), torch.zeros_like(targets)
    rows, some = torch.arange(COUNT) + 100, torch.tensor([9, 2, 5])
    function = built(component, task)
    whole, _ = function(images.clone(), targets.clone(), draws(rows))
    part, _ = function(images[some].clone(), targets[some].clone(), draws(rows[some]))
    require(
        torch.allclose(whole[some], part, atol=1e-5),
        "a row is changed in another way in another batch: take every random number from "
        "draws.uniform(), and nothing from the batch's order or size",
    )


def mixes(component: Augmentation, task: Task) -> bool:
    """Whether a picture's outcome depends on the other pictures."""
    images, targets = batch(task)
    function = built(component, task)
    others = images.clone()
    others[1:] = 1 - others[1:]
    rows = torch.arange(COUNT)
    one, _ = function(images, targets, draws(rows))
    other, _ = function(others, targets, draws(rows))
    _, shares = function(images, targets, draws(rows))
    return shares.is_floating_point() and not torch.allclose(one[0], other[0], atol=1e-5)


def draws_by_epoch(component: Augmentation) -> None:
    """A picture is changed in another way in another epoch."""
    before, first = many_of_one(component, epoch=1)
    _, second = many_of_one(component, epoch=2)
    require(
        torch.equal(first, before) or not torch.equal(first, second),
        "every epoch changes a picture in the same way: take the numbers from draws.uniform()",
    )


def draws_from_its_draws_alone(component: Augmentation) -> None:
    """torch's generator belongs to the network's weights and dropout."""
    state = torch.get_rng_state()
    try:
        torch.manual_seed(1)
        before = torch.get_rng_state()
        first, _ = changed(component, served(component)[0])
        moved = not torch.equal(before, torch.get_rng_state())
        torch.manual_seed(2)
        second, _ = changed(component, served(component)[0])
    finally:
        torch.set_rng_state(state)
    require(
        not moved and torch.equal(first, second),
        "uses torch's global random numbers: use draws.uniform() in their place",
    )


def takes_any_size(component: Augmentation) -> None:
    """The last batch of an epoch may hold a single picture."""
    for task in served(component):
        images, targets = batch(task, 1)
        try:
            after, _ = built(component, task)(images, targets, draws(torch.tensor([3])))
        except Exception as error:
            raise Fault(
                f"a batch of one picture ends in {type(error).__name__}: {error}; take any size"
            ) from error
        require(after.shape == images.shape, "a batch of one picture loses its first dimension")
