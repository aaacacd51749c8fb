"""A small run ended with SIGKILL at the k-th event and resumed: every bit is that of a whole run."""

import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from trials import Kill, Patch, Trial, bits, litter, trial

DATA = ("--data", "csv_images", "--set", "data.path=bars", "--set", "data.validation=0.3")
SMALL = (
    "run", "--model", "plain_cnn", *DATA, "--set", "model.filters=[3]", "--set", "model.hidden=[6]",
    "--batch-size", "8", "--epochs", "3", "--set", "train.checkpoint_steps=2",
)  # fmt: skip
KILLED = -9


@dataclass
class Tally:
    """What a campaign of kills came to."""

    planned: int = 0
    landed: int = 0
    exact: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        self.planned += other.planned
        self.landed += other.landed
        self.exact += other.exact
        self.kinds += other.kinds
        self.faults += other.faults


@dataclass(frozen=True)
class Reference:
    """A run that nothing disturbed."""

    arguments: tuple[str, ...]
    bits: dict[str, str]
    events: tuple[str, ...]

    def places(self, kind: str) -> list[int]:
        """The numbers of the events of a kind."""
        return [number for number, seen in enumerate(self.events) if seen == kind]


_EVENTS: dict[tuple[str, ...], tuple[str, ...]] = {}


def reference(arguments: Sequence[str]) -> Reference:
    """Run to the end; the events are those of a second run, when the pictures are decoded already."""
    key = tuple(arguments)
    whole = trial([*arguments, "--out", "reference"])
    assert whole.code == 0, whole.err
    found = bits(Path("reference"))
    shutil.rmtree("reference")
    if key not in _EVENTS:
        again = trial([*arguments, "--out", "reference"])
        assert again.code == 0, again.err
        assert bits(Path("reference")) == found
        shutil.rmtree("reference")
        _EVENTS[key] = again.events
    return Reference(key, found, _EVENTS[key])


def killed(whole: Reference, at: int, patch: Patch = lambda: None) -> Trial:
    """The run, ended at event `at`."""
    return trial([*whole.arguments, "--out", "run"], partial(Kill, at=at), patch)


def go_on(
    whole: Reference, make_watch: Callable[..., object] | None = None, patch: Patch = lambda: None
) -> Trial:
    """What a person does then: resume, or start again where nothing was begun."""
    again = ("resume", "run") if Path("run").exists() else (*whole.arguments, "--out", "run")
    return trial(again, patch=patch, **({"make_watch": make_watch} if make_watch else {}))


def kill_at(whole: Reference, places: Iterable[int]) -> Tally:
    """Kill at each of the places, resume, compare."""
    tally = Tally()
    for at in places:
        tally.planned += 1
        ended = killed(whole, at)
        if ended.code == KILLED and ended.acted == (whole.events[at],):
            tally.landed += 1
            tally.kinds[whole.events[at]] += 1
        check(whole, go_on(whole), tally, f"killed at {at} ({whole.events[at]})")
        shutil.rmtree("run", ignore_errors=True)
    return tally


def check(whole: Reference, last: Trial, tally: Tally, what: str) -> None:
    """Compare a run that was resumed to its end."""
    if last.code != 0:
        tally.faults.append(f"{what}: exit {last.code}: {last.err[-300:]}")
        return
    found = bits(Path("run"))
    wrong = [
        name for name in whole.bits.keys() | found.keys() if whole.bits.get(name) != found.get(name)
    ]
    wrong += litter(Path())
    if wrong:
        tally.faults.append(f"{what}: {', '.join(sorted(wrong))}")
    else:
        tally.exact += 1


def kill_in_chains(whole: Reference, seeds: Iterable[int], longest: int = 5) -> Tally:
    """Kill, kill the resume, kill the resume of that, up to `longest` times; then let it end."""
    tally = Tally()
    for seed in seeds:
        draw = random.Random(seed)
        places = [draw.randrange(len(whole.events))]
        ended = killed(whole, places[0])
        chain = Tally()
        while ended.code == KILLED:
            chain.planned += 1
            chain.landed += 1
            chain.kinds[ended.acted[0]] += 1
            if len(places) == longest:
                break
            places.append(draw.randrange(60))
            ended = go_on(whole, partial(Kill, at=places[-1]))
        check(whole, go_on(whole), chain, f"killed at {places}")
        chain.exact *= chain.landed
        tally.add(chain)
        shutil.rmtree("run", ignore_errors=True)
    return tally


def some_of_every_kind(whole: Reference, most: int) -> list[int]:
    """The first, the last and some events of each kind."""
    chosen: set[int] = set()
    for kind in dict.fromkeys(whole.events):
        places = whole.places(kind)
        step = max(1, len(places) // most)
        chosen |= {*places[::step][: most - 1], places[-1]}
    return sorted(chosen)


def no_lock() -> None:
    """Locks that do nothing, as on some network disks."""
    import clfw.artifacts.run_lock

    class Nothing:
        def __init__(self, *_: object, **__: object) -> None: ...

        def acquire(self) -> None: ...

        def release(self) -> None: ...

    clfw.artifacts.run_lock.FileLock = Nothing
