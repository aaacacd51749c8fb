"""The fastest memory format and number of threads for a training, measured before it begins."""

import contextlib
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

import torch

from clfw.config.plan import Plan
from clfw.config.recipe import Recipe
from clfw.data.opening import DecodedImages
from clfw.errors import UsageError
from clfw.io.progress import no_progress
from clfw.models.device import FORMATS
from clfw.text import plural
from clfw.training.features import frozen_parts
from clfw.training.protocols import NullCheckpointer, Say, State
from clfw.training.setup import Engine, TrainingSetup, prepare_training

ROUND = 0.5  # seconds of training in each of a candidate's rounds, about
ROUNDS = 5
PATIENCE = 30.0  # seconds after which no further round begins
WORTH = 1.05  # times as fast as the usual choice; less is within the spread of such short rounds


@dataclass(slots=True)
class Candidate:
    """A way to compute, with a copy of the model that it is tried on.

    Attributes:
        seconds: of one update, a value a round.
    """

    plan: Plan
    setup: TrainingSetup
    seconds: list[float]

    @property
    def name(self) -> str:
        """As it is told."""
        threads = f", {plural(self.plan.threads, 'thread')}" if self.plan.threads else ""
        return f"{self.plan.memory_format}{threads}"


class TimeUp(Exception):
    """A round has taken its time."""


class Stopwatch(NullCheckpointer):
    """Counts updates, and leaves off where they take far longer than a round should."""

    def __init__(self) -> None:
        self.updates = 0
        self._start = time.perf_counter()

    def maybe_save(self, state: State) -> None:
        """Note how far training is."""
        self.updates = state.step
        if time.perf_counter() > self._start + 2 * ROUND:
            raise TimeUp

    def seconds(self) -> float:
        """Of an update, in the mean of those until now."""
        return (time.perf_counter() - self._start) / self.updates


def autotuned(plan: Plan, pictures: DecodedImages, engine: Engine, say: Say) -> Plan:
    """`plan` with the memory format and threads that train fastest here, as rounds in turn show.

    Every candidate trains a copy of the model; the first is the usual choice, which stays unless
    another one is faster by 5 % in the median of the rounds. What is chosen stands in the plan, so
    that a resumed run computes as before.

    Raises:
        UsageError: a frozen backbone, whose pictures go through once.
    """
    ways = choices(plan, pictures, engine)
    about = math.ceil(ROUND * ROUNDS * len(ways))
    say(f"tune    measuring {len(ways)} ways to compute, about {about} s")
    latest = time.perf_counter() + PATIENCE
    candidates = [candidate(choice, pictures, engine) for choice in ways]
    updates = [calibrate(each, engine) for each in candidates]
    for _ in range(ROUNDS):
        for each, count in zip(candidates, updates, strict=True):
            each.seconds.append(timed(each, engine, count))
        if time.perf_counter() > latest:
            break
    usual = candidates[0]
    best = min(candidates, key=lambda each: median(each.seconds))
    if median(usual.seconds) < WORTH * median(best.seconds):
        best = usual
    batch = pictures_an_update(usual.setup, plan.recipe.params)
    for each in candidates:
        rate = batch / median(each.seconds)
        notes = [note for which, note in ((usual, "usual"), (best, "taken")) if which is each]
        marks = f" ({', '.join(notes)})" if notes else ""
        say(f"tune    {each.name}: {rate:,.0f} images/s{marks}")
    torch.set_num_threads(best.plan.threads or torch.get_num_threads())
    return best.plan


def choices(plan: Plan, pictures: DecodedImages, engine: Engine) -> list[Plan]:
    """The plans to compare, the usual choice first; what a person has fixed stays."""
    setup = prepare_training(plan, pictures, engine, None)
    if frozen_parts(setup.model) is not None:
        raise UsageError(
            "--autotune: the backbone is frozen, so that each picture goes through it once only",
            hint="leave --autotune out",
        )
    usual_format = next(
        name for name, value in FORMATS.items() if value == setup.device.memory_format
    )
    most = torch.get_num_threads()
    threads: Sequence[int | None] = [plan.threads]
    if plan.threads is None and setup.device.torch_device.type == "cpu":
        threads = sorted({most, math.ceil(most / 2), 1}, reverse=True)
    formats = sorted(FORMATS, key=lambda name: name != usual_format)
    return [
        replace(plan, memory_format=name, threads=count) for count in threads for name in formats
    ]


def candidate(plan: Plan, pictures: DecodedImages, engine: Engine) -> Candidate:
    """A copy of the model, placed as `plan` says."""
    return Candidate(plan=plan, setup=prepare_training(plan, pictures, engine, None), seconds=[])


def calibrate(each: Candidate, engine: Engine) -> int:
    """How many updates make a round, after the first ones, which are slower, have been made."""
    timed(each, engine, 2)
    return max(1, min(100, math.ceil(ROUND / timed(each, engine, 2))))


def timed(each: Candidate, engine: Engine, updates: int) -> float:
    """Seconds of an update, in the mean of some, or of the fewer that fit a bounded time."""
    torch.set_num_threads(each.plan.threads or torch.get_num_threads())
    setup = each.setup
    recipe = each.plan.recipe.params.model_copy(
        update={"steps": updates, "evaluate_steps": None, "patience": None, "keep": "last"}
    )
    watch = Stopwatch()
    inputs = setup.train_inputs(
        recipe, checkpointer=watch, report=lambda report: None, progress=no_progress
    )
    with contextlib.suppress(TimeUp):
        engine.trainer.fit(inputs)
    if setup.device.torch_device.type == "cuda":
        torch.cuda.synchronize()
    return watch.seconds()


def pictures_an_update(setup: TrainingSetup, recipe: Recipe) -> int:
    """How many pictures decide one step of the optimizer."""
    count = len(setup.batches["train"])
    batch = count if recipe.batch_size == "full" else recipe.batch_size
    return min(count, batch * recipe.accumulate)
