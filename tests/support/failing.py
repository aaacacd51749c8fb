"""A small run in which I/O calls fail: one line to the person, and nothing good is lost."""

import errno
import shutil
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from killing import Reference, Tally, check, go_on
from trials import IO_KINDS, Fail, Trial, litter, trial

ERRORS = (errno.ENOSPC, errno.EIO, errno.EACCES)


def calls(whole: Reference) -> int:
    """How many I/O calls the run makes."""
    return sum(kind in IO_KINDS.values() for kind in whole.events)


def words_wrong(ended: Trial) -> list[str]:
    """What is wrong with how a failed run spoke."""
    wrong = []
    if ended.code not in (73, 74):
        wrong.append(f"exit {ended.code}")
    if len(ended.errors) != 1:
        wrong.append(f"{len(ended.errors)} error lines")
    elif len(ended.errors[0]) > 300 or "run" not in ended.errors[0]:
        wrong.append(ended.errors[0])
    if "Traceback" in ended.err or not ended.err.splitlines()[-1].startswith("hint: "):
        wrong.append(ended.err[-300:])
    return wrong


def fail_at(whole: Reference, places: Iterable[int], error: int, *, lasting: bool) -> Tally:
    """Let the I/O calls at each of the places fail, resume without a fault, compare."""
    tally = Tally()
    for at in places:
        what = f"I/O call {at}, {errno.errorcode[error]}{', and all later ones' * lasting}"
        tally.planned += 1
        ended = trial(
            [*whole.arguments, "--out", "run"],
            partial(Fail, at=at, error=error, lasting=lasting),
        )
        tally.landed += bool(ended.acted)
        tally.kinds[ended.acted[0]] += 1
        if wrong := words_wrong(ended):
            tally.faults.append(f"{what} ({ended.acted[0]}): {wrong}")
        left = litter(Path())
        if left and not lasting:
            tally.faults.append(f"{what} ({ended.acted[0]}): left {left}")
        check(whole, go_on(whole), tally, what)
        shutil.rmtree("run", ignore_errors=True)
    return tally
