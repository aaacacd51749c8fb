"""The campaign of mutated pictures, in a process of its own, so that a crash is one more outcome.

Each file decodes to the original's pixels, or is named; or it decodes to what Pillow makes of it, where
its form has no checksum or the checksum was forged too. It judges `decode_bytes` from outside alone.
"""

import io
import json
import resource
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from clfw.data import decoding
from clfw.data.decoding import FORMATS, MAX_PIXELS, Pixels, silence_pillow
from clfw.errors import DataError
from picture_kinds import Kind, all_kinds, over_white
from picture_mutations import OPERATORS, UNCHECKED, Mutation
from picture_saboteurs import SABOTEURS

ROOM = 1536 << 20  # bytes that decoding may take, beside what a process begins with
MISS = "decodes to other pixels"


@dataclass
class Outcomes:
    """How often each operator came to what, by the form of the file, and what went wrong."""

    counts: Counter[tuple[str, str, str]] = field(
        default_factory=Counter
    )  # operator, form, outcome
    faults: list[str] = field(default_factory=list)
    crashes: int = 0
    peak: int = 0  # bytes that decoding took at most

    def kinds(self) -> dict[str, int]:
        """Files by outcome."""
        counts: Counter[str] = Counter()
        for (_, _, outcome), count in self.counts.items():
            counts[outcome] += count
        return dict(sorted(counts.items()))

    def never_hit(self) -> set[str]:
        """Operators without a case."""
        return OPERATORS.keys() - {operator for operator, _, _ in self.counts}

    def summary(self) -> str:
        """Counts by operator and outcome, then by form, then in all."""
        lines = []
        for place, names in ((0, OPERATORS), (1, FORMATS)):
            for name in names:
                counts: Counter[str] = Counter()
                for key, count in self.counts.items():
                    counts[key[2]] += count * (key[place] == name)
                told = ", ".join(
                    f"{count} {kind}" for kind, count in sorted(counts.items()) if count
                )
                lines.append(f"  {name}: {told}")
        told = ", ".join(f"{count} {kind}" for kind, count in self.kinds().items())
        total = sum(self.counts.values())
        lines.append(
            f"{total} mutated pictures: {told}; {self.crashes} crashes; at most {self.peak >> 20} MiB"
        )
        return "\n".join(lines)


def campaign(count: int, seed: int, sabotage: str = "", only: str = "") -> Outcomes:
    """`count` mutations, every operator in turn.

    Args:
        sabotage: name of what to break first.
        only: what the names of the kinds to mutate begin with.
    """
    outcomes = Outcomes()
    done = 0
    while done < count:
        numbers = (str(seed), str(done), str(count))
        command = [sys.executable, "-W", "error", __file__, *numbers, sabotage, only]
        worker = subprocess.run(command, capture_output=True, text=True, timeout=1200)
        lines = [json.loads(line) for line in worker.stdout.splitlines()]
        for line in lines:
            outcomes.faults += line.get("faults", [])
            if "outcome" in line:
                outcomes.counts[line["operator"], line["form"], line["outcome"]] += 1
            outcomes.peak = max(outcomes.peak, line.get("peak", 0))
        if worker.returncode == 0:
            return outcomes
        last = lines[-1] if lines else {}
        if "operator" not in last or "outcome" in last:  # not in the midst of a case
            raise RuntimeError(worker.stderr)
        outcomes.crashes += 1
        outcomes.counts[last["operator"], last["form"], "crash"] += 1
        outcomes.faults.append(
            f"case {last['case']}: exit {worker.returncode}: {worker.stderr[-300:]}"
        )
        done = last["case"] + 1
    return outcomes


def work(seed: int, start: int, stop: int, only: str) -> None:
    """What the worker does: a line before each case and one after it."""
    all_kinds()
    before = resident()
    limit = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() + ROOM
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for line in cases(seed, start, stop, only):
        print(json.dumps(line), flush=True)
    print(json.dumps({"peak": max(0, resident() - before)}))


def cases(seed: int, start: int, stop: int, only: str) -> Iterator[dict[str, Any]]:
    """What is wrong with sound pictures; then, for each case, what it is and what it came to."""
    kinds = {name: kind for name, kind in all_kinds().items() if name.startswith(only)}
    names = list(OPERATORS)
    with silence_pillow():
        whole = {name: decoding.decode_bytes(kind.data) for name, kind in kinds.items()}
    wrong = [f"{name}: {MISS} than meant" for name in kinds if not right(whole[name], kinds[name])]
    yield {"faults": wrong}
    for case in range(start, stop):
        draw = Random(f"{seed}/{case}")
        operator, name = names[case % len(names)], draw.choice(list(kinds))
        kind = kinds[name]
        facts = {"case": case, "operator": operator, "form": kind.form}
        yield facts
        outcome, faults = judged(OPERATORS[operator](kind, draw, kinds), kind, whole[name])
        told = [f"case {case}, {operator}, {name}: {fault}" for fault in faults]
        yield {**facts, "outcome": outcome, "faults": told}


def resident() -> int:
    """The most bytes of memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def right(pixels: Pixels, kind: Kind) -> bool:
    """Whether a sound picture decodes to what it means."""
    wanted = kind.pixels.reshape(*kind.pixels.shape[:2], -1).astype(int)
    return pixels.shape == wanted.shape and int(np.abs(pixels - wanted).max()) <= kind.off


def judged(mutation: Mutation, kind: Kind, whole: Pixels) -> tuple[str, list[str]]:
    """What a mutation came to, and what is wrong with that."""
    try:
        with silence_pillow():
            pixels = decoding.decode_bytes(mutation.data)
    except DataError as error:
        text = error.message
        sound = text and text.isprintable() and len(text) < 300
        return "named", [] if sound else [f"a message of another kind: {text!r}"]
    except Exception as error:
        return "wrong", [f"{type(error).__name__}: {error}"]
    if mutation.wants == "named":
        return "wrong", ["taken for a picture"]
    if pixels.shape[0] * pixels.shape[1] > MAX_PIXELS or pixels.dtype != np.uint8:
        return "wrong", [f"{pixels.shape} {pixels.dtype}"]
    if np.array_equal(pixels, whole):
        return "same", []
    if not mutation.may_differ:
        return "wrong", [MISS]
    try:
        agreed = as_pillow_has_it(pixels, mutation.data)
    except Exception as error:
        return "wrong", [f"{MISS}, which Pillow refuses: {error}"]
    if not agreed:
        return "wrong", [f"{MISS} than Pillow's"]
    unchecked = kind.form in UNCHECKED
    return f"differs, {'no checksum' if unchecked else 'checksum forged too'}", []


def as_pillow_has_it(pixels: Pixels, data: bytes) -> bool:
    """Whether Pillow sees the same: within one level where colours are mixed, else exactly."""
    with silence_pillow(), Image.open(io.BytesIO(data), formats=FORMATS) as opened:
        opened.load()
        picture = ImageOps.exif_transpose(opened)
        hole = picture.info.get("transparency")
        if picture.mode.startswith("I"):
            wide = np.asarray(picture).astype(float)
            wanted = np.round(wide / 257)
            if isinstance(hole, int):
                wanted[wide == hole] = 255
            return np.array_equal(pixels[:, :, 0], wanted)
        if picture.mode in ("LA", "PA", "RGBA") or hole is not None:
            seen = np.asarray(picture.convert("RGBA"))
            wanted = over_white(seen[:, :, :3], seen[:, :, 3]).astype(int)
            return bool(np.abs(pixels.astype(int) - wanted).max() <= 1)
        wanted = np.asarray(picture.convert("L" if picture.mode in "1L" else "RGB"))
        return np.array_equal(pixels.squeeze(), wanted.squeeze())


if __name__ == "__main__":
    if sys.argv[4]:
        decoding.decode_bytes = SABOTEURS[sys.argv[4]](decoding.decode_bytes)
    work(*map(int, sys.argv[1:4]), sys.argv[5])
