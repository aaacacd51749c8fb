"""Ctrl-C told from a `KeyboardInterrupt` that code raises by itself."""

import signal

import pytest

from clfw.io.interrupts import noting_interrupts


def test_a_signal_is_noted_and_handled_as_before() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), noting_interrupts() as interrupts:
        signal.raise_signal(signal.SIGINT)
    assert interrupts == [signal.SIGINT]
    assert signal.getsignal(signal.SIGINT) is before


def test_a_raised_interrupt_is_no_signal() -> None:
    with pytest.raises(KeyboardInterrupt), noting_interrupts() as interrupts:
        raise KeyboardInterrupt
    assert interrupts == []


def test_a_handler_that_the_block_sets_stays() -> None:
    before = signal.getsignal(signal.SIGINT)
    try:
        with noting_interrupts():
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
