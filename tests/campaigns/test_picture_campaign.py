"""Mutated pictures: each decodes to the same pixels, or differs where no checksum could tell, or is named.

The whole campaign: pytest -m slow tests/test_picture_campaign.py -s
"""

import pytest

from clfw.data import decoding
from clfw.data.decoding import FORMATS
from picture_bombs import BOMBS, LARGEST, PROMISED, Burst, burst
from picture_campaign import Outcomes, campaign, cases
from picture_mutations import OPERATORS, UNCHECKED
from picture_saboteurs import SABOTEURS

IN_THE_SUITE = 12 * len(OPERATORS)
MAY_HAPPEN = {"same", "named", "differs, no checksum", "differs, checksum forged too"}


def assert_clean(outcomes: Outcomes, count: int) -> None:
    """Every operator and form was tried, and nothing came to anything but what it may."""
    print(f"\n{outcomes.summary()}")
    assert outcomes.faults == []
    assert outcomes.crashes == 0
    assert outcomes.never_hit() == set()
    assert sum(outcomes.counts.values()) == count
    assert outcomes.kinds().keys() <= MAY_HAPPEN
    assert {form for _, form, _ in outcomes.counts} == set(FORMATS)
    unchecked = {form for _, form, kind in outcomes.counts if kind == "differs, no checksum"}
    assert unchecked == UNCHECKED
    forged = {name for name, _, kind in outcomes.counts if "forged too" in kind}
    assert forged <= {"forged size", "forged part", "forged pixels"}


def test_mutated_pictures_have_their_pixels_or_are_named() -> None:
    assert_clean(campaign(IN_THE_SUITE, 0), IN_THE_SUITE)


@pytest.mark.slow  # 40 seconds
def test_ten_thousand_mutated_pictures_have_their_pixels_or_are_named() -> None:
    assert_clean(campaign(10_000, 1), 10_000)


@pytest.mark.parametrize(
    ("saboteur", "only", "said"),
    [
        ("swallowing", "png, grey", "decodes to other pixels"),
        ("lenient", "jpeg, 4", "decodes to other pixels"),
        ("overlooking", "png, exif 6 behind", "decodes to other pixels"),
        ("clipping", "png, 16 bit grey", "decodes to other pixels than meant"),
    ],
)
def test_the_campaign_catches_a_decoder_that_is_wrong(
    saboteur: str, only: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "decode_bytes", SABOTEURS[saboteur](decoding.decode_bytes))
    lines = cases(0, 0, 4 * len(OPERATORS), only)
    assert any(said in fault for line in lines for fault in line.get("faults", []))


def test_the_campaign_counts_a_crash_and_goes_on() -> None:
    outcomes = campaign(1, 0, "crashing")
    assert outcomes.crashes == 1
    assert outcomes.kinds() == {"crash": 1}
    assert "case 0: exit -6" in outcomes.faults[0]


def assert_bounded(found: dict[str, Burst]) -> None:
    """Each bomb is small, and takes next to no memory; what is refused is told by its size."""
    for name, bomb in found.items():
        print(f"{name}: {bomb.size:,} bytes, {bomb.peak >> 20} MiB more, {bomb.said or 'decoded'}")
    assert max(bomb.peak for bomb in found.values()) < 16 << 20
    promised = [bomb for name, bomb in found.items() if name in PROMISED]
    assert len(promised) == 7
    assert all("over the limit of 50 million" in bomb.said for bomb in promised)


def test_bombs_take_next_to_no_memory() -> None:
    assert_bounded(burst(PROMISED))


@pytest.mark.slow  # 10 seconds
def test_all_bombs_take_next_to_no_memory() -> None:
    assert_bounded(burst(list(BOMBS)))


@pytest.mark.slow  # 30 seconds
def test_the_largest_pictures_of_every_mode_take_less_than_a_gigabyte() -> None:
    found = burst(list(LARGEST))
    for name, bomb in found.items():
        print(f"{name}: {bomb.size:,} bytes, {bomb.peak >> 20} MiB, {bomb.said or 'decoded'}")
    assert [name for name, bomb in found.items() if bomb.said] == ["bmp"]  # whose runs end early
    assert max(bomb.peak for bomb in found.values()) < 960 << 20
