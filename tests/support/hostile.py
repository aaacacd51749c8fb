"""Hostile run folders, weights files and registries, opened in a process that logs what it does.

Run as a program: `python hostile.py COUNT` prints one JSON object of figures.
"""

import contextlib
import copy
import io
import json
import os
import pickle
import random
import shutil
import struct
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from clfw.cli import outcome
from killing import SMALL
from matrix import write_data
from trials import workplace

STRINGS: tuple[Any, ...] = (
    "os.system", "os:system", "subprocess.Popen", "builtins:eval", "posix.system", "a.b:c",
    "clfw_plugins.small_cnns.kit:os", "../../../../etc/passwd", "/etc/passwd", "//host/share",
    "http://127.0.0.1:9/x", "file:///etc/passwd", "__import__('os').mkdir('canary')",
    "!!python/object/apply:os.mkdir ['canary']", "_target_", "${oc.env:HOME}", "{{7*7}}",
    "$(mkdir canary)", "`mkdir canary`", "; mkdir canary", "%s%n", "\x1b[2J\x1b]0;x\x07", "\u202eabc",
    "\x00", "\ud800", "a" * 10_000, "", " ", ".", "..", "nan", "-1", "--help", "plain_cnn",
    {"_target_": "os.system", "args": ["mkdir canary"]}, {"__reduce__": ["os.system", "x"]},
    [], {}, [[]], None, True, -1, 0, 1, 2**31, 2**63, 10**30, 1e308, -0.5,
    ["os.system"], {"a": {"b": {"c": 1}}},
)  # fmt: skip
BAD_EVENTS = (
    "os.system", "subprocess.Popen", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty",
    "socket.connect", "socket.bind", "socket.getaddrinfo", "pickle.find_class", "marshal.loads",
    "ctypes.dlopen", "code.__new__", "exec", "compile",
)  # fmt: skip
OWN_LIBRARY = ("ctypes.dlopen", (None,))  # the C library this process runs on: it loads nothing
CHANGES = (
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.link",
    "os.symlink",
    "shutil.rmtree",
)
FINE = {0, 2, 65, 66, 69, 73, 74, 75, 79}


class Payload:
    """Makes a folder when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str, ...]]:
        return os.mkdir, ("canary",)


class Log:
    """An audit hook: what must not happen while something hostile is opened."""

    def __init__(self, root: Path) -> None:
        self.root = str(root)
        self.armed = False
        self.seen: list[str] = []
        sys.addaudithook(self.hook)

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.armed:
            return
        if event in BAD_EVENTS:
            if (event, arguments) != OWN_LIBRARY:
                self.note(event, arguments)
        elif event == "import" and arguments[0].partition(".")[0] not in sys.stdlib_module_names:
            if arguments[0] not in sys.modules:
                self.note(event, arguments[:1])
        elif event == "open" and isinstance(arguments[0], str | bytes):
            mode, flags = arguments[1], arguments[2]
            writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) if mode is None else 0
            if writes or (mode and set(mode) & set("wax+")):
                self.inside(event, arguments[0])
        elif event in CHANGES:
            self.inside(event, arguments[0])

    def inside(self, event: str, path: Any) -> None:
        """Note a change outside the folder of the trials."""
        if isinstance(path, int):
            return
        full = os.path.abspath(os.fsdecode(path))  # noqa: PTH100
        if not full.startswith(self.root) and full != os.devnull:
            self.note(event, (full,))

    def note(self, event: str, arguments: tuple[Any, ...]) -> None:
        self.seen.append(f"{event} {arguments!r}"[:200])


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The place of everything in a JSON value."""
    found = [path] if path else []
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            found += leaves(inner, (*path, key))
    return found


def spoiled(value: Any, draw: random.Random) -> Any:
    """A JSON value with something hostile at one or two places, or as a key."""
    result = copy.deepcopy(value)
    for _ in range(draw.choice((1, 1, 2))):
        *way, last = draw.choice(leaves(result) or [(None,)])
        if last is None:
            return draw.choice(STRINGS)
        target = result
        for key in way:
            target = target[key]
        what = draw.choice(STRINGS)
        if isinstance(target, dict) and draw.random() < 0.15:
            target[what if isinstance(what, str) else "_target_"] = target.pop(last)
        elif isinstance(target, dict) and draw.random() < 0.1:
            del target[last]
        else:
            target[last] = what
    return result


def text(value: Any) -> str:
    return json.dumps(value)


def hostile_run(draw: random.Random) -> list[str]:
    """A run folder that was broken off, with one file spoiled."""
    from clfw.training.checkpoints import manifest_of

    shutil.rmtree("run", ignore_errors=True)
    shutil.copytree("broken", "run")
    last = max(Path("run/checkpoints").glob("step-*"))
    names = ("plan.json", "plan.json", "data.json", "environment.json", "state.json", "metrics")
    name = draw.choice((*names, "payload", "summary.json", "manifest.json"))
    if name == "payload":
        target = draw.choice(["plan.json", "data.json", "metrics.jsonl", "steps.csv", "backbone"])
        payload = draw.choice([pickle.dumps(Payload()), pickle.dumps(Payload(), 0), b"\x00" * 99])
        (Path("run") / target).write_bytes(payload)
        for path in last.iterdir():
            if draw.random() < 0.3:
                path.write_bytes(payload)
    elif name == "metrics":
        path = Path("run/metrics.jsonl")
        row = spoiled(json.loads(path.read_text().splitlines()[0]), draw)
        line = text(row) + "\n"
        path.write_text(line + path.read_text())
    elif name == "state.json":
        state = spoiled(json.loads((last / name).read_text()), draw)
        (last / name).write_text(text(state))
        files = {n: (last / n).read_bytes() for n in ("state.json", "state.safetensors")}
        (last / "manifest.json").write_bytes(manifest_of(int(last.name[5:]), files))
    elif name == "summary.json":
        summary = spoiled(json.loads(Path("finished/summary.json").read_text()), draw)
        Path("run/summary.json").write_text(text(summary))
    else:
        path = last / name if name == "manifest.json" else Path("run") / name
        path.write_text(text(spoiled(json.loads(path.read_text()), draw)))
    return ["resume", "run", *draw.choice([[], [], ["--epochs", "4"]])]


def hostile_weights(draw: random.Random) -> list[str]:
    """A weights file with a spoiled header or description, or no weights file at all."""
    data = Path("finished/model.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    how = draw.randrange(4)
    if how == 0:
        data = draw.choice([
            pickle.dumps(Payload()), pickle.dumps(Payload(), 0), b"PK\x03\x04" + bytes(60), b"",
            data[: draw.randrange(len(data))], b"<html>", b"\x1f\x8b" + bytes(40),
            struct.pack("<Q", 60) + b"{" + pickle.dumps(Payload()) + bytes(40),
        ])  # fmt: skip
    else:
        if how == 1:
            header = spoiled(header, draw)
        else:
            facts = spoiled(json.loads(header["__metadata__"]["clfw"]), draw)
            header["__metadata__"]["clfw"] = text(facts)
        changed = text(header).encode()
        data = struct.pack("<Q", len(changed)) + changed + data[8 + length :]
    Path("bad.safetensors").write_bytes(data)
    picture = "bars/train/1.png"
    return draw.choice([
        ["inspect", "bad.safetensors"], ["inspect", "bad.safetensors", "--json"],
        ["predict", "bad.safetensors", picture], ["eval", "bad.safetensors", *SMALL[3:9]],
    ])  # fmt: skip


def hostile_registry(draw: random.Random) -> list[str]:
    """A registry with hostile names and values."""
    what = draw.choice([value for value in STRINGS if isinstance(value, str) and value != "\ud800"])
    quoted = json.dumps(what)
    lines = draw.choice([
        f'[models.m]\ncomponent = {quoted}\nsummary = "x"',
        f'[models.m]\ncomponent = "plain_cnn"\nsummary = {quoted}\n[models.m.values]\nfilters = {quoted}',
        f'[models.m]\ncomponent = "plain_cnn"\nsummary = "x"\naugment = [{quoted}]',
        f'[models.{quoted}]\ncomponent = "plain_cnn"\nsummary = "x"',
        f'[data.d]\ncomponent = {quoted}\nsummary = "x"\n[data.d.values]\npath = {quoted}',
        f'[recipes.r]\nmodel = {quoted}\ndata = {quoted}\nsummary = "x"',
        f'[models.m]\n_target_ = {quoted}\ncomponent = "plain_cnn"\nsummary = "x"',
        f'[{quoted}]\nx = 1',
        f'[models.m]\nbased_on = {quoted}\nsummary = "x"',
    ])  # fmt: skip
    Path("hostile.toml").write_text(lines, encoding="utf-8")
    names = draw.choice([
        ["--model", "m", *SMALL[3:9]], ["--model", "plain_cnn", "--data", "d"], ["--recipe", "r"],
        ["--model", what or "x", *SMALL[3:9]],
    ])  # fmt: skip
    if "\x00" in names[1]:
        names = ["--recipe", "r"]
    return ["run", *names, "--registry", "hostile.toml", "--steps", "1", "--out", "made"]


def open_all(count: int, seed: int = 0) -> dict[str, Any]:
    """Open `count` hostile things; the figures."""
    draw = random.Random(seed)
    codes: Counter[int] = Counter()
    faults: list[str] = []
    with workplace():
        write_data()
        prepare()
        log = Log(Path.cwd().parent)
        for number in range(count):
            make = (hostile_run, hostile_weights, hostile_registry)[number % 3]
            arguments = make(draw)
            said, printed = io.StringIO(), io.StringIO()
            log.armed = True
            with contextlib.redirect_stderr(said), contextlib.redirect_stdout(printed):
                code = outcome(arguments)
            log.armed = False
            codes[code] += 1
            words = said.getvalue()
            if code not in FINE or "Traceback" in words or Path("canary").exists():
                faults.append(f"{number} {arguments}: {code}: {words[-400:]}")
            if any(c in words + printed.getvalue() for c in ("\x1b", "\u202e", "\x07")):
                faults.append(f"{number} {arguments}: control characters: {words[-300:]!r}")
            shutil.rmtree("made", ignore_errors=True)
    events = sorted(set(log.seen))
    return {"opened": count, "codes": codes, "events": events, "faults": faults}


def prepare() -> None:
    """A finished run and one that was broken off; every module that a sound use needs is imported."""
    from clfw.training.checkpointing import CheckpointManager

    for arguments in (
        [*SMALL, "--out", "finished"],
        ["eval", "finished", *SMALL[3:9]],
        ["predict", "finished", "bars/train/1.png"],
        ["inspect", "finished"],
        ["list"],
    ):
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            assert outcome(arguments) == 0, arguments
    "\x1b".encode("unicode_escape")  # a codec is a module of its own
    original = CheckpointManager.maybe_save

    def maybe_save(checkpointer: CheckpointManager, state: Any) -> None:
        original(checkpointer, state)
        if state.step == 4:
            raise KeyboardInterrupt

    CheckpointManager.maybe_save = maybe_save
    with contextlib.redirect_stderr(io.StringIO()):
        assert outcome([*SMALL, "--out", "broken"]) == 130
    CheckpointManager.maybe_save = original
    shutil.copytree("broken", "run")
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        assert outcome(["resume", "run"]) == 0
    import clfw.runs.end

    clfw.runs.end.draw_pictures = lambda *_: None


if __name__ == "__main__":
    print(json.dumps(open_all(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)))
