"""Commands in forked processes, watched event by event: ended, failed or signalled at the k-th.

Everything is imported once; each trial is a fork, so that hundreds of them take seconds. What a
trial changes in the product's modules ends with its process.
"""

import contextlib
import csv
import functools
import hashlib
import importlib
import json
import os
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

IO_KINDS = {
    "make_folder": "folder",
    "create": "create",
    "write_all": "write",
    "sync_file": "fsync",
    "sync_folder": "folder fsync",
    "rename": "rename",
    "remove": "deletion",
    "truncate": "cut",
}
KINDS = (*IO_KINDS.values(), "step", "evaluation")
Patch = Callable[[], None]


@dataclass(frozen=True)
class Trial:
    """How a process ended: its exit code, or minus the signal; what it said; what it did."""

    code: int
    out: str
    err: str
    events: tuple[str, ...]
    acted: tuple[str, ...] = field(default=())

    @property
    def errors(self) -> list[str]:
        return [line for line in self.err.splitlines() if line.startswith("error: ")]


class Watch:
    """Counts events, and acts at the k-th of them (or from the k-th on)."""

    def __init__(self, tell: Callable[[dict[str, Any]], None]) -> None:
        self.events: list[str] = []
        self.acted: list[str] = []
        self.tell = tell

    def meet(self, kind: str, half: Patch) -> None:
        """Before an event; `half` does a part of it."""
        number = len(self.events)
        self.events.append(kind)
        self.act(number, kind, half)

    def act(self, number: int, kind: str, half: Patch) -> None:
        """Nothing, unless a kind of watch says otherwise."""


class Kill(Watch):
    """Ends the process at the k-th event, with half of it done."""

    def __init__(self, tell: Callable[[dict[str, Any]], None], at: int) -> None:
        super().__init__(tell)
        self.at = at

    def act(self, number: int, kind: str, half: Patch) -> None:
        if number == self.at:
            half()
            self.tell({"acted": [kind], "events": self.events})
            os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(60)


class Fail(Watch):
    """Lets the k-th I/O call fail, or all from the k-th on."""

    def __init__(
        self, tell: Callable[[dict[str, Any]], None], at: int, error: int, lasting: bool
    ) -> None:
        super().__init__(tell)
        self.at, self.error, self.lasting = at, error, lasting
        self.calls = -1

    def act(self, number: int, kind: str, half: Patch) -> None:
        if kind not in IO_KINDS.values():
            return
        self.calls += 1
        if self.calls == self.at or (self.lasting and self.calls > self.at):
            self.acted.append(kind)
            half()
            raise OSError(self.error, os.strerror(self.error))


class Signal(Watch):
    """Sends the process a signal, so many times, at the k-th event."""

    def __init__(
        self, tell: Callable[[dict[str, Any]], None], at: int, number: int, times: int
    ) -> None:
        super().__init__(tell)
        self.at, self.number, self.times = at, number, times

    def act(self, number: int, kind: str, half: Patch) -> None:
        if number == self.at:
            self.acted.append(kind)
            self.tell({"acted": [kind], "events": self.events})
            for _ in range(self.times):
                os.kill(os.getpid(), self.number)


def install(watch: Watch) -> None:
    """Let every write, flush, rename, deletion, step and evaluation pass by the watch."""
    from clfw.io import storage
    from clfw.training.train_state import TrainState

    for name, kind in IO_KINDS.items():
        wrap(storage, name, kind, watch)
    wrap(TrainState, "finish_update", "step", watch)
    wrap(TrainState, "_evaluate", "evaluation", watch)


def wrap(owner: Any, name: str, kind: str, watch: Watch) -> None:
    """Let one function pass by the watch."""
    original = getattr(owner, name)

    @functools.wraps(original)
    def watched(*arguments: Any, **options: Any) -> Any:
        watch.meet(kind, lambda: half_of(kind, arguments))
        return original(*arguments, **options)

    setattr(owner, name, watched)


def half_of(kind: str, arguments: tuple[Any, ...]) -> None:
    """The part of an event that is done when the process ends in the middle of it."""
    if kind == "write":
        descriptor, data = arguments
        os.write(descriptor, data[: len(data) // 2])
    elif kind == "deletion" and arguments[0].is_dir():
        for path in list(arguments[0].iterdir())[:1]:
            path.unlink()


@functools.cache
def warm() -> None:
    """Import once what every trial needs; PyTorch imports a part of itself with the first step."""
    import torch

    from clfw.plugins.manager import installed_catalog

    torch.set_num_threads(1)
    parameter = torch.nn.Parameter(torch.zeros(1))
    parameter.grad = torch.zeros(1)
    torch.optim.SGD([parameter], lr=0.1).step()
    installed_catalog(())
    for name in (
        "clfw.runs.sessions", "clfw.runs.run", "clfw.runs.end", "clfw.audit.quick_check",
        "clfw.training.autotune", "clfw.cli.run", "clfw.cli.resumption", "clfw.io.progress_bars",
        "clfw.artifacts.recorded_run", "clfw.inference.inputs", "clfw.runs.predicting",
        "clfw_plugins.small_cnns.kit", "clfw_plugins.small_cnns.fashion",
        "clfw_plugins.backbones.frozen", "clfw_plugins.csv_images.reader",
        "clfw_plugins.augmentations.geometry", "clfw_plugins.augmentations.mixing",
    ):  # fmt: skip
        importlib.import_module(name)


def trial(
    arguments: Sequence[object],
    make_watch: Callable[[Callable[[dict[str, Any]], None]], Watch] = Watch,
    patch: Patch = lambda: None,
) -> Trial:
    """`clfw ARGUMENTS` in a process of its own, under a watch."""
    return finish(start(arguments, make_watch, patch))


@dataclass(frozen=True)
class Started:
    """A process under way."""

    pid: int
    reports: int
    talk: Path


def start(
    arguments: Sequence[object],
    make_watch: Callable[[Callable[[dict[str, Any]], None]], Watch] = Watch,
    patch: Patch = lambda: None,
) -> Started:
    """Begin a trial."""
    warm()
    folder = Path("talk")
    folder.mkdir(exist_ok=True)
    reports, telling = os.pipe()
    talk = folder / str(time.monotonic_ns())
    with warnings.catch_warnings():  # threads of the test runner, which the child never uses
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        try:
            os.close(reports)
            child(arguments, make_watch, patch, telling, talk)
        except BaseException as error:
            os.write(2, f"harness: {error!r}\n".encode())
        finally:
            os._exit(99)
    os.close(telling)
    return Started(pid, reports, talk)


def child(
    arguments: Sequence[object],
    make_watch: Callable[[Callable[[dict[str, Any]], None]], Watch],
    patch: Patch,
    telling: int,
    talk: Path,
) -> None:
    """The forked process."""
    import clfw.cli
    import clfw.runs.end

    for number, suffix in ((1, ".out"), (2, ".err")):
        os.dup2(os.open(f"{talk}{suffix}", os.O_WRONLY | os.O_CREAT, 0o666), number)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")

    def tell(words: dict[str, Any]) -> None:
        os.write(telling, json.dumps(words).encode() + b"\n")

    watch = make_watch(tell)
    clfw.runs.end.draw_pictures = lambda *_: None
    install(watch)
    patch()
    code = clfw.cli.outcome([str(argument) for argument in arguments])
    sys.stdout.flush()
    sys.stderr.flush()
    tell({"events": watch.events, "acted": watch.acted})
    os._exit(code)


def finish(started: Started) -> Trial:
    """Wait for a trial's end."""
    told = b""
    while part := os.read(started.reports, 65536):
        told += part
    os.close(started.reports)
    _, status = os.waitpid(started.pid, 0)
    words = [json.loads(line) for line in told.splitlines()]
    last = words[-1] if words else {"events": [], "acted": []}
    texts = []
    for suffix in (".out", ".err"):
        path = Path(f"{started.talk}{suffix}")
        texts.append(path.read_text() if path.exists() else "")
        path.unlink(missing_ok=True)
    return Trial(
        os.waitstatus_to_exitcode(status), *texts, tuple(last["events"]), tuple(last["acted"])
    )


WALL = ("seconds", "images_per_second", "run")


def bits(run: Path) -> dict[str, str]:
    """Every number that a finished run holds, as hashes by name; times and places are left out."""
    found = {}
    for path in sorted(run.glob("*.csv")) + sorted(run.rglob("*.safetensors")):
        if path.parent.name.startswith(("step-", "damaged-")):
            continue
        found[str(path.relative_to(run))] = digest(path.read_bytes())
    for name in ("evaluation.json", "summary.json"):
        value = json.loads((run / name).read_text())
        found[name] = digest(json.dumps(without_wall(value), sort_keys=True).encode())
    metrics = (run / "metrics.jsonl").read_text().splitlines()
    rows = [without_wall(json.loads(line)) for line in metrics]
    found["metrics.jsonl"] = digest(json.dumps(rows, sort_keys=True).encode())
    last = max((run / "checkpoints").glob("step-*"))
    counters = json.loads((last / "state.json").read_text())
    del counters["files"], counters["digests"]
    found["last step"] = last.name
    found["state.json"] = digest(json.dumps(counters, sort_keys=True).encode())
    found["state.safetensors"] = digest((last / "state.safetensors").read_bytes())
    with (run / "steps.csv").open(newline="") as file:
        found["updates"] = str(len(list(csv.reader(file))) - 1)
    return found


def without_wall(value: dict[str, Any]) -> dict[str, Any]:
    """A row without what a clock or a place says."""
    return {key: inner for key, inner in value.items() if key not in WALL}


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def litter(folder: Path) -> list[str]:
    """Half-made things in a folder."""
    return [str(path) for path in folder.rglob(".*.tmp-*")]


@contextlib.contextmanager
def workplace():
    """A folder of a campaign's own, in memory where there is such a disk, and gone afterwards."""
    memory = Path("/dev/shm")
    where = memory if memory.is_dir() else None
    with tempfile.TemporaryDirectory(dir=where) as folder, working_in(Path(folder)):
        yield


@contextlib.contextmanager
def working_in(folder: Path):
    """A working folder with cache and home beside it."""
    names = ("home", "cache", "data", "config", "work")
    for name in names:
        (folder / name).mkdir(parents=True)
    before, kept = Path.cwd(), dict(os.environ)
    for key, name in zip(
        ("HOME", "CLFW_CACHE_DIR", "CLFW_DATA_DIR", "CLFW_CONFIG_DIR"), names, strict=False
    ):
        os.environ[key] = str(folder / name)
    os.chdir(folder / "work")
    try:
        yield
    finally:
        os.chdir(before)
        os.environ.clear()
        os.environ.update(kept)
