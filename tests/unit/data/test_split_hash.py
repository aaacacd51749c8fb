"""Held-out rows: the share asked for in expectation, and no row moved by what happens to others."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clfw.data.split_hash import held_out

NAMES = st.lists(st.text(alphabet="ab01é\udcff/", max_size=4), unique=True, max_size=30)
FRACTIONS = st.floats(0, 1)
SEEDS = st.integers(0, 2**32)


def chosen(names: Sequence[str], fraction: float, seed: int) -> set[str]:
    """The names that are held out."""
    out = held_out(names, fraction, seed)
    assert len(out) == len(names)
    return {name for name, is_out in zip(names, out, strict=True) if is_out}


@pytest.mark.parametrize("fraction", [0.05, 0.1, 0.25, 0.5, 0.9])
@pytest.mark.parametrize("seed", [0, 1, 12345])
@pytest.mark.parametrize("pattern", ["{}", "train/{:05d}.png", "site-{}"])
def test_the_share_is_the_fraction_within_four_standard_deviations(
    fraction: float, seed: int, pattern: str
) -> None:
    count = 4000
    out = len(chosen([pattern.format(i) for i in range(count)], fraction, seed))
    assert abs(out - count * fraction) < 4 * (count * fraction * (1 - fraction)) ** 0.5


def test_nothing_is_held_out_at_zero_and_everything_at_one() -> None:
    names = [str(i) for i in range(1000)]
    assert chosen(names, 0.0, 0) == set()
    assert chosen(names, 1.0, 0) == set(names)


@given(names=NAMES, more=NAMES, fraction=FRACTIONS, seed=SEEDS)
def test_adding_rows_moves_none(
    names: list[str], more: list[str], fraction: float, seed: int
) -> None:
    before = chosen(names, fraction, seed)
    after = chosen([*more, *(name for name in names if name not in more)], fraction, seed)
    assert before == after & set(names)


@given(names=NAMES, fraction=FRACTIONS, seed=SEEDS, data=st.data())
def test_reordering_rows_moves_none(
    names: list[str], fraction: float, seed: int, data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(names))
    assert chosen(names, fraction, seed) == chosen(shuffled, fraction, seed)


@given(names=NAMES, fractions=st.tuples(FRACTIONS, FRACTIONS), seed=SEEDS)
def test_a_larger_share_holds_out_all_of_a_smaller_one_and_more(
    names: list[str], fractions: tuple[float, float], seed: int
) -> None:
    smaller, larger = sorted(fractions)
    assert chosen(names, smaller, seed) <= chosen(names, larger, seed)


def test_rows_of_one_group_are_held_out_together() -> None:
    groups = [f"patient-{i % 40}" for i in range(400)]
    out = held_out(groups, 0.3, 0)
    for group in set(groups):
        assert len({o for o, g in zip(out, groups, strict=True) if g == group}) == 1


def test_another_seed_holds_out_other_rows() -> None:
    names = [str(i) for i in range(1000)]
    one, two = chosen(names, 0.2, 0), chosen(names, 0.2, 1)
    assert len(one & two) < 0.5 * len(one)


def test_seed_and_name_do_not_run_into_each_other() -> None:
    names = [str(i) for i in range(400)]
    prefixed = {name for name in names if chosen([f"1{name}"], 0.5, 0)}
    assert chosen(names, 0.5, 10) != prefixed != chosen(names, 0.5, 1)


def test_the_rows_held_out_never_change_from_version_to_version() -> None:
    assert chosen([str(i) for i in range(60)], 0.1, 0) == {
        "3",
        "7",
        "18",
        "23",
        "24",
        "31",
        "37",
        "41",
        "52",
    }
