"""Checks of architectures: networks built for several tasks and put through what a run does."""

import contextlib
import os
import random
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import Tensor, nn

from clfw.components import Architecture, load
from clfw.errors import TaskNotSupported
from clfw.params import Params, params_class
from clfw.preprocess import Preprocess
from clfw.task import Task
from clfw.tensorfile import decode, encode
from clfw.testing.finding import Check, Fault, require

LARGEST = 20_000_000  # parameters; a larger network is not built
SHAPES = ((2, 1, 28, 28), (10, 3, 32, 48), (100, 1, 64, 64), (1000, 3, 224, 224))  # K, C, H, W
TASKS = tuple(
    Task(classes=tuple(f"class {k}" for k in range(classes)), channels=c, height=h, width=w)
    for classes, c, h, w in SHAPES
)
CODE = (".py", ".pyc", ".pyi", ".so", ".pyd")


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """A network for one task, with the parameters that `prepare` made of the defaults."""

    params: Params
    task: Task
    model: nn.Module


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
        "changing the mode": changes_its_mode,
        "watching a build": loads_nothing,
        "looking at the process after a build": leaves_the_process_alone,
    }
    return {words: partial(check, component) for words, check in checks.items()}


def built_for(component: Architecture, task: Task, seed: int = 0) -> Built | None:
    """The network for a task; None above 20 million parameters. Raises `TaskNotSupported`."""
    params = params_class(component)()
    if "backbone_weights" in type(params).model_fields:  # nothing is fetched for a check
        params = params.model_copy(update={"backbone_weights": "random"})
    if component.prepare:
        natural = Preprocess(channels=task.channels, height=task.height, width=task.width)
        with tempfile.TemporaryDirectory() as folder:
            params, own = load(component.prepare)(params, natural, Path(folder))
        task = Task(classes=task.classes, channels=own.channels, height=own.height, width=own.width)
    build = load(component.build)
    with contextlib.suppress(RuntimeError, NotImplementedError), torch.device("meta"):
        if size(build(params, task)) > LARGEST:
            return None
    torch.manual_seed(seed)
    model = build(params, task)
    require(
        isinstance(model, nn.Module),
        f"build returned {type(model).__name__}: return a torch.nn.Module",
    )
    return Built(params=params, task=task, model=model) if size(model) <= LARGEST else None


def size(model: Any) -> int:
    """Its parameters."""
    return sum(p.numel() for p in model.parameters()) if isinstance(model, nn.Module) else 0


def smallest(component: Architecture, seed: int = 0) -> Built:
    """Built for the first task that it serves."""
    for task in TASKS:
        try:
            found = built_for(component, task, seed)
        except TaskNotSupported:
            continue
        if found:
            return found
    raise Fault(f"serves none of the tasks tried ({tried()}): support one of them, or make it "
                f"smaller than {LARGEST:,} parameters by default")  # fmt: skip


@cache
def tried() -> str:
    """The tasks in words."""
    return ", ".join(f"{c}x{h}x{w} pixels to {classes} classes" for classes, c, h, w in SHAPES)


def pictures(task: Task, count: int) -> Tensor:
    """(count, C, H, W) float32, as normalised pictures are, the same ones each time."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(count, task.channels, task.height, task.width, generator=generator)


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
    for task in TASKS:
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
    nn.functional.cross_entropy(logits, torch.arange(8) % task.num_classes).backward()  # type: ignore[no-untyped-call]
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
        "that 'initialise' refers to",
    )


class Watch:
    """What Python's audit events tell of files and connections, while `seen` is a list."""

    seen: list[str] | None = None
    hooked = False

    @classmethod
    def hear(cls, event: str, arguments: tuple[Any, ...]) -> None:
        if cls.seen is None:
            return
        if event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
            path = os.fsdecode(arguments[0])
            if not path.endswith(CODE) and not path.startswith(("/proc/", "/sys/", "/dev/")):
                cls.seen.append(f"file '{path}'")
        elif event in ("socket.connect", "socket.getaddrinfo"):
            cls.seen.append("the network")


@contextlib.contextmanager
def watched() -> Iterator[list[str]]:
    """The files and connections that are opened meanwhile."""
    if not Watch.hooked:  # an audit hook cannot be taken away again
        sys.addaudithook(Watch.hear)
        Watch.hooked = True
    seen: list[str] = []

    def opened(path: Any, *rest: Any, **options: Any) -> Any:
        seen.append(f"file '{path}'")
        raise OSError(f"{path}: not while building")

    Watch.seen = seen
    try:  # safetensors opens files without Python's knowing
        with mock.patch("safetensors.torch.safe_open", opened), mock.patch(
            "safetensors.safe_open", opened
        ):  # fmt: skip
            yield seen
    except OSError:
        if not seen:
            raise
    finally:
        Watch.seen = None


def leaves_the_process_alone(component: Architecture) -> None:
    """What is not the plugin's own stays as it was, or other plugins' results change."""
    found = smallest(component)
    before = process()
    try:
        load(component.build)(found.params, found.task)
        changed = [name for name, value in process().items() if value != before[name]]
    finally:
        torch.set_default_dtype(before["torch's default dtype"])
        os.chdir(before["the working folder"])
    require(not changed, f"build changes {', '.join(changed)}: leave it as it was")


def process() -> dict[str, Any]:
    """What is shared by everything in the process; torch's own draws aside, which weights need."""
    return {
        "torch's default dtype": torch.get_default_dtype(),
        "whether torch records gradients": torch.is_grad_enabled(),
        "the number of threads": torch.get_num_threads(),
        "the working folder": os.getcwd(),  # noqa: PTH109
        "Python's random numbers": random.getstate(),
        "NumPy's random numbers": np.random.get_state()[1].tobytes(),  # type: ignore[index]
        "the exception hook": sys.excepthook,
    }
