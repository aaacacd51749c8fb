"""Checks of architectures: networks built for several tasks and put through what a run does."""

import contextlib
from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor, nn

from clfw.api.components import Architecture, load
from clfw.api.task import Task
from clfw.errors import TaskNotSupported
from clfw.models.safetensors_io import decode, encode
from clfw.testing.check import Check, Fault, require
from clfw.testing.side_effects import process, restored, watched
from clfw.testing.tasks import TASKS, built_for, pictures, smallest


def architecture_checks(component: Architecture) -> dict[str, Check]:
    """Every check of an architecture, by what it tries."""
    checks = {
        "building for several tasks": gives_a_logit_a_class,
        "building for pictures of one pixel": refuses_clearly,
        "building for the channels": keeps_to_its_channels,
        "a backward pass": gives_every_parameter_a_gradient,
        "building twice": follows_the_seed,
        "saving and restoring the weights": brings_weights_back,
        "evaluating": is_settled_in_evaluation,
        "looking at the pictures it was given": leaves_its_input,
        "changing the mode": changes_its_mode,
        "watching a build": loads_nothing,
        "looking at the process after a build": leaves_the_process_alone,
    }
    return {words: partial(check, component) for words, check in checks.items()}


def gives_a_logit_a_class(component: Architecture) -> None:
    """(B, C, H, W) to (B, K) float32, finite, for every task that it serves."""
    for task in TASKS:
        try:
            found = built_for(component, task)
        except TaskNotSupported:
            continue
        if found is None:
            continue
        own = found.task
        with torch.inference_mode():
            logits = found.model.eval()(pictures(own, 2))
        require(isinstance(logits, Tensor), "the network must return one tensor of logits")
        shape, wanted = tuple(logits.shape), (2, own.num_classes)
        seen = f"for two pictures of {own.channels}x{own.height}x{own.width} pixels"
        require(
            shape == wanted,
            f"{seen} and {own.num_classes} classes the logits are {shape}: "
            f"size the last layer by task.num_classes, to give {wanted}",
        )
        require(
            logits.dtype == torch.float32,
            f"{seen} the logits are {logits.dtype}: return float32",
        )
        require(
            torch.isfinite(logits).all(),
            f"{seen} a logit is not finite: look at the first weights and at divisions by zero",
        )
    smallest(component)


def refuses_clearly(component: Architecture) -> None:
    """What it cannot serve is refused when it is built, not in the middle of a run."""
    task = Task(classes=("a", "b"), channels=1, height=1, width=1)
    try:
        found = built_for(component, task)
        if found:
            with torch.inference_mode():
                found.model.eval()(pictures(found.task, 2))
    except TaskNotSupported:
        return
    except Exception as error:
        raise Fault(
            f"pictures of 1x1 pixels end in {type(error).__name__}: raise TaskNotSupported in "
            f"build, for instance with task.require_side(8, '{component.name}')"
        ) from error


def keeps_to_its_channels(component: Architecture) -> None:
    """`channels` is what `clfw list --filter channels=1` goes by."""
    served = set()
    for task in TASKS[:2]:  # one grey, one colour
        with contextlib.suppress(TaskNotSupported):
            if built_for(component, task):
                served.add(task.channels)
    # With `prepare`, a network may take any data and see it in channels of its own.
    declared = set(component.channels) or {1, 3}
    if component.prepare or not served:
        return
    require(
        served <= declared or not component.channels,
        f"declares channels={component.channels} and builds for {sorted(served)} too: "
        "raise TaskNotSupported for the others, or declare them",
    )


def gives_every_parameter_a_gradient(component: Architecture) -> None:
    """A parameter without a gradient is never learned."""
    found = smallest(component)
    model, task = found.model.train(), found.task
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():  # scales that start at zero would hide what lies behind them
        for parameter in model.parameters():
            parameter.add_(0.02 * torch.randn(parameter.shape, generator=generator))
    trainable = {n: p for n, p in model.named_parameters() if p.requires_grad}
    require(trainable, "no parameter can be trained: leave requires_grad on for some")
    logits = model(pictures(task, 8))
    nn.functional.cross_entropy(logits, torch.arange(8) % task.num_classes).backward()
    without = [n for n, p in trainable.items() if p.grad is None or not p.grad.any()]
    require(
        not without,
        f"no gradient reaches {', '.join(without[:5])}: use it in forward, or leave it out",
    )


def follows_the_seed(component: Architecture) -> None:
    """Weights come from torch's seed and from nothing else."""
    first, again, other = (smallest(component, seed).model.state_dict() for seed in (3, 3, 4))
    require(
        same(first, again),
        "one seed gives two sets of first weights: draw them with torch, without seeds of your own",
    )
    require(
        not first or not same(first, other),
        "two seeds give the same first weights: do not call torch.manual_seed in build",
    )


def same(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    """Whether two states are equal bit by bit."""
    return one.keys() == other.keys() and all(torch.equal(one[n], other[n]) for n in one)


def brings_weights_back(component: Architecture) -> None:
    """What a weights file holds rebuilds the network, to the same logits."""
    found = smallest(component)
    trained = found.model.eval()
    with torch.no_grad():
        for tensor in trained.state_dict().values():
            if tensor.is_floating_point():
                tensor.add_(0.01)
    state = decode(encode(trained.state_dict(), None), component.name)
    torch.manual_seed(99)
    again = load(component.build)(found.params, found.task)
    try:
        again.load_state_dict(state)
    except RuntimeError as error:
        said = str(error).splitlines()[-1].strip()
        raise Fault(
            f"a second build does not take the weights of the first ({said}): "
            "build the same layers under the same names every time"
        ) from error
    images = pictures(found.task, 2)
    with torch.inference_mode():
        require(
            torch.equal(trained(images), again.eval()(images)),
            "restored weights give other logits: keep everything that is learned or counted in "
            "parameters or buffers",
        )


def is_settled_in_evaluation(component: Architecture) -> None:
    """In evaluation mode a picture's logits depend on that picture alone, and on no chance."""
    found = smallest(component)
    model = found.model.train()
    model(pictures(found.task, 8))
    model.eval()
    images = pictures(found.task, 3)
    with torch.inference_mode():
        together, again = model(images), model(images)
        alone = torch.cat([model(images[i : i + 1]) for i in range(3)])
    require(
        torch.equal(together, again),
        "two evaluations of the same pictures differ: use nn.Dropout and the like, which heed "
        "eval(), not functions that draw always",
    )
    require(
        torch.allclose(together, alone, rtol=1e-3, atol=1e-4),
        "a picture's logits depend on the other pictures of its batch: normalise with running "
        "statistics in evaluation mode",
    )


def leaves_its_input(component: Architecture) -> None:
    """Others may look at the same pictures afterwards."""
    found = smallest(component)
    images = pictures(found.task, 2)
    before = images.clone()
    with torch.inference_mode():
        found.model.eval()(images)
    require(
        torch.equal(images, before),
        "forward changes the pictures in place: leave inplace=True out of the first layers",
    )


def changes_its_mode(component: Architecture) -> None:
    """`train()` and `eval()` reach the network and every trainable part of it."""
    model = smallest(component).model
    for mode in (True, False):
        model.train(mode)
        word = "train()" if mode else "eval()"
        require(
            model.training is mode,
            f"{word} leaves training={model.training}: call super().train(mode) in train()",
        )
    still = [name for name, module in model.named_modules() if module.training]
    require(not still, f"eval() does not reach {', '.join(still[:5])}: register it as a submodule")


def loads_nothing(component: Architecture) -> None:
    """`build` is pure, so that resuming and predicting need no file and no network."""
    found = smallest(component)  # everything is imported by now
    with watched() as seen, contextlib.suppress(TaskNotSupported):
        load(component.build)(found.params, found.task)
    require(
        not seen,
        f"build reaches for {', '.join(dict.fromkeys(seen))}: load pretrained weights in a function "
        "that 'initialize' refers to",
    )


def leaves_the_process_alone(component: Architecture) -> None:
    """What is not the plugin's own stays as it was, or other plugins' results change."""
    found = smallest(component)
    with restored():
        before = process()
        load(component.build)(found.params, found.task)
        changed = [name for name, value in process().items() if value != before[name]]
    require(not changed, f"build changes {', '.join(changed)}: leave it as it was")
