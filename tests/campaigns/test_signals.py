"""Ctrl-C and SIGTERM: the step is finished, all is saved, the way on is printed, and the bits stay."""

import ctypes
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from killing import SMALL, Reference, Tally, check, go_on, reference
from matrix import write_data
from trials import Signal, litter, trial, workplace

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


@pytest.fixture
def place() -> Iterator[None]:
    """A working folder with the small data set."""
    with workplace():
        write_data()
        yield


def signalled(whole: Reference, places: list[int], number: int, times: int = 1) -> Tally:
    """Send a signal at each of the places of a run; resume, compare."""
    tally = Tally()
    for at in places:
        tally.planned += 1
        ended = trial([*SMALL, "--out", "run"], partial(Signal, at=at, number=number, times=times))
        tally.landed += ended.acted == (whole.events[at],)
        tally.kinds[whole.events[at]] += 1
        if ended.code != CODES[number]:
            tally.faults.append(f"signal at {at}: exit {ended.code}: {ended.err[-300:]}")
        if "hint: go on with: clfw resume run" not in ended.err.splitlines()[-1:]:
            tally.faults.append(f"signal at {at}: {ended.err[-300:]}")
        check(whole, go_on(whole), tally, f"signal at {at}")
        shutil.rmtree("run")
    return tally


def in_training(whole: Reference) -> list[int]:
    """The events between the first step and the last checkpoint."""
    last = max(whole.places("deletion"))
    return list(range(whole.places("step")[0], last))


def in_saves(whole: Reference) -> list[int]:
    """The writes of checkpoints; the rows of an epoch are written into files that are there."""
    places = in_training(whole)
    return [at for at in whole.places("write") if at in places and whole.events[at - 1] == "create"]


@pytest.mark.parametrize("number", CODES)
def test_a_signal_anywhere_in_training_saves_and_resumes_exactly(number: int, place: None):
    whole = reference(SMALL)
    places = in_training(whole)[number % 5 :: 6]
    tally = signalled(whole, places, number)
    assert tally.faults == []
    assert tally.planned == tally.landed == tally.exact >= 10


@pytest.mark.slow
@pytest.mark.parametrize("number", CODES)
def test_a_signal_at_every_event_of_training_saves_and_resumes_exactly(number: int, place: None):
    whole = reference(SMALL)
    tally = signalled(whole, in_training(whole), number)
    assert tally.faults == []
    assert tally.planned == tally.landed == tally.exact >= 50


def test_a_second_signal_in_a_save_lets_the_save_end(place: None):
    whole = reference(SMALL)
    tally = signalled(whole, in_saves(whole)[2:6], signal.SIGINT, times=2)
    assert tally.faults == []
    assert tally.planned == tally.landed == tally.exact == 4


def test_a_third_signal_ends_at_once_and_the_checkpoint_before_is_good(place: None):
    whole = reference(SMALL)
    at = in_saves(whole)[4]
    ended = trial([*SMALL, "--out", "run"], partial(Signal, at=at, number=signal.SIGINT, times=3))
    assert ended.code == 130
    assert len(ended.events) == at + 1  # nothing after it
    tally = Tally()
    check(whole, go_on(whole), tally, "third signal")
    assert tally.faults == []


@pytest.mark.parametrize("number", CODES)
def test_a_second_signal_in_a_step_leaves_at_once_and_the_checkpoint_is_good(
    number: int, place: None
):
    whole = reference(SMALL)
    at = whole.places("step")[3]
    ended = trial([*SMALL, "--out", "run"], partial(Signal, at=at, number=number, times=2))
    assert ended.code == CODES[number]
    assert len(ended.events) == at + 1
    assert ended.err.splitlines()[-2:] == [
        "stopping after this step, then saving; interrupt again to quit at once",
        "quit at once; the last checkpoint is intact: clfw resume run",
    ]
    tally = Tally()
    check(whole, go_on(whole), tally, "second signal")
    assert tally.faults == []


def one_endless_operation() -> None:
    """The fourth update never returns to Python, and two signals come while it lasts."""
    from clfw.training.train_state import TrainState

    original = TrainState.finish_update

    def update(state: TrainState) -> None:
        if state.step == 3:
            signal.alarm(20)  # whoever does not leave is ended in another way
            twice = "sleep 0.1; kill -INT $PPID; sleep 0.1; kill -INT $PPID"
            subprocess.Popen(["sh", "-c", twice])
            mutex, library = ctypes.create_string_buffer(64), ctypes.CDLL(None)
            for _ in range(2):
                library.pthread_mutex_lock(mutex)
        original(state)

    TrainState.finish_update = update


def test_a_second_signal_leaves_even_while_one_operation_lasts(place: None):
    whole = reference(SMALL)
    ended = trial([*SMALL, "--out", "run"], patch=one_endless_operation)
    assert ended.code == 130
    assert ended.err.splitlines()[-1].startswith("quit at once; the last checkpoint is intact")
    tally = Tally()
    check(whole, go_on(whole), tally, "endless operation")
    assert tally.faults == []


def test_a_signal_after_the_last_step_leaves_only_the_results_to_write(place: None):
    whole = reference(SMALL)
    at = len(whole.events) - 12
    ended = trial([*SMALL, "--out", "run"], partial(Signal, at=at, number=signal.SIGTERM, times=1))
    assert ended.code == 143
    assert ended.errors == ["error: stopped after the last step, and saved"]
    again = go_on(whole)
    assert "step" not in again.events
    assert again.code == 0
    assert litter(Path()) == []


def test_the_message_names_the_step_and_the_way_on(place: None):
    whole = reference(SMALL)
    at = whole.places("step")[2]
    ended = trial([*SMALL, "--out", "run"], partial(Signal, at=at, number=signal.SIGINT, times=1))
    assert ended.err.splitlines()[-4:] == [
        "stopping after this step, then saving; interrupt again to quit at once",
        "error: stopped at step 3 of 6, and saved",
        "",
        "hint: go on with: clfw resume run",
    ]


def test_the_talk_of_a_signal_may_come_in_the_middle_of_other_talk():
    """A print in a handler would fail where the interrupted code is printing itself."""
    from clfw.io.interrupts import StopRequest

    with StopRequest() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.number == signal.SIGTERM
