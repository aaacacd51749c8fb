"""Draws: numbers that depend on seed, epoch, row and component alone, and look random in each."""

import torch

from clfw.api.draws import Draws
from clfw.models.augment import compose

COUNT = 20_000  # rows; an average of that many uniforms is within 0.01 of a half in 5 sigma


def draws(rows=COUNT, seed=0, epoch=0, component=0, count=1):
    index = torch.arange(rows) if isinstance(rows, int) else rows
    return Draws(index, seed=seed, epoch=epoch, component=component).uniform(count)


def correlation(a, b):
    return float(torch.corrcoef(torch.stack((a.double(), b.double())))[0, 1])


def test_the_numbers_are_the_same_in_every_version():
    found = draws(torch.tensor([0, 1, 1000, 2**40]), seed=7, epoch=3, component=1, count=2)
    expected = [
        [0.9228012561798096, 0.6038540601730347],
        [0.2472400665283203, 0.45071983337402344],
        [0.3026335835456848, 0.060205817222595215],
        [0.039354145526885986, 0.1707930564880371],
    ]
    assert found.tolist() == expected


def test_a_row_has_its_numbers_in_any_batch_and_any_order():
    rows = torch.randperm(1000, generator=torch.Generator().manual_seed(1))
    everything = draws(1000, count=3)
    assert torch.equal(draws(rows, count=3), everything[rows])
    assert torch.equal(draws(rows[10:11], count=3), everything[rows[10:11]])


def test_two_calls_give_what_one_call_for_both_gives():
    made = Draws(torch.arange(50), seed=1, epoch=2, component=3)
    parts = torch.cat((made.uniform(2), made.uniform(3)), 1)
    assert torch.equal(parts, draws(50, seed=1, epoch=2, component=3, count=5))


def test_the_numbers_are_at_least_0_and_under_1():
    u = draws(1_000_000)
    assert u.dtype == torch.float32
    assert float(u.min()) >= 0
    assert float(u.max()) < 1


def test_mean_and_variance_are_those_of_a_uniform_number():
    for seed in range(5):
        u = draws(seed=seed, count=4).double()
        assert (u.mean(0) - 1 / 2).abs().max() < 0.01
        assert (u.var(0) - 1 / 12).abs().max() < 0.005


def test_a_hundred_equal_bins_fill_equally():
    for seed in range(5):
        counts = torch.histc(draws(100_000, seed=seed), 100, 0, 1)
        chi_square = float(((counts - 1000) ** 2 / 1000).sum())  # 99 degrees of freedom
        assert 50 < chi_square < 165


def test_rows_epochs_components_seeds_and_calls_are_uncorrelated_with_their_neighbours():
    first = draws(count=2)
    assert abs(correlation(first[:-1, 0], first[1:, 0])) < 0.04
    assert abs(correlation(first[:, 0], first[:, 1])) < 0.04
    for other in (draws(epoch=1), draws(component=1), draws(seed=1)):
        assert abs(correlation(first[:, 0], other[:, 0])) < 0.04


def test_one_row_over_many_epochs_is_uniform_and_uncorrelated():
    row = torch.tensor([5])
    u = torch.cat([draws(row, epoch=epoch)[:, 0] for epoch in range(4000)]).double()
    assert abs(float(u.mean()) - 1 / 2) < 0.025
    assert abs(correlation(u[:-1], u[1:])) < 0.08


def test_seed_epoch_and_component_do_not_stand_in_for_each_other():
    found = {
        tuple(draws(4, seed=s, epoch=e, component=c)[:, 0].tolist())
        for s in range(4)
        for e in range(4)
        for c in range(4)
    }
    assert len(found) == 64


def test_the_largest_seed_and_row_are_accepted():
    u = draws(torch.tensor([2**62]), seed=2**32 - 1, epoch=10**6, component=100)
    assert 0 <= float(u) < 1


def test_a_chain_gives_each_augmentation_draws_of_its_own():
    seen = []

    def note(images, targets, own):
        seen.append(own.uniform())
        return images, targets

    compose([note, note], seed=0)(torch.zeros(8, 1, 2, 2), torch.zeros(8), torch.arange(8), 0)
    assert not torch.equal(seen[0], seen[1])
