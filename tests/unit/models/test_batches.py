"""Batches: every row once an epoch, in an order that follows seed and epoch alone."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from clfw.api.preprocess import Preprocess
from clfw.models.batches import (
    Normalize,
    SplitBatches,
    balanced,
    batch_bounds,
    concat_into,
    evaluation_size,
    shuffled,
    times_before,
)
from clfw.models.device import TorchDevice
from training_job import PREPROCESS, everything, pictures


@given(count=st.integers(1, 300), size=st.integers(1, 320))
def test_every_row_is_in_one_batch_for_any_batch_size(count: int, size: int):
    bounds = batch_bounds(count, size)
    rows = [row for first, last in bounds for row in range(first, last)]
    assert rows == list(range(count))
    lengths = [last - first for first, last in bounds]
    assert all(length == size for length in lengths[:-1])
    assert lengths[-1] <= size + 1
    assert lengths[-1] > 1 or count == 1  # batch norm cannot train on a single picture


@given(
    count=st.integers(1, 60), size=st.integers(1, 70), seed=st.integers(0, 2**32 - 1),
    epoch=st.integers(0, 1000),
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_an_epoch_shows_every_picture_once(count: int, size: int, seed: int, epoch: int):
    data = pictures(count)
    batches = list(data.shuffled(size, seed=seed, epoch=epoch))
    rows = torch.cat([batch.rows for batch in batches])
    assert sorted(rows.tolist()) == list(range(count))
    whole = everything(data)
    for batch in batches:
        assert torch.equal(batch.images, whole.images[batch.rows])
        assert torch.equal(batch.targets, whole.targets[batch.rows])


def test_the_order_follows_seed_and_epoch_and_not_the_batch_size():
    data = pictures(50)

    def order(size: int, seed: int, epoch: int) -> list[int]:
        return [r for b in data.shuffled(size, seed=seed, epoch=epoch) for r in b.rows.tolist()]

    assert order(7, 1, 2) == order(50, 1, 2) == order(7, 1, 2)
    assert len({tuple(order(7, seed, epoch)) for seed in range(3) for epoch in range(3)}) == 9


def test_the_order_is_the_same_in_every_version():
    """A resumed run of an older version must see the same batches."""
    assert shuffled(10, 0, 0).tolist() == [6, 3, 1, 5, 8, 7, 0, 2, 9, 4]
    assert shuffled(10, 7, 3).tolist() == [1, 5, 2, 8, 7, 9, 6, 3, 0, 4]


def test_an_epoch_can_start_at_any_batch():
    data = pictures(30)
    whole = [b.rows.tolist() for b in data.shuffled(8, seed=3, epoch=1)]
    assert [b.rows.tolist() for b in data.shuffled(8, seed=3, epoch=1, start=2)] == whole[2:]


def test_orders_show_no_trace_of_each_other():
    """Over many epochs each row comes as early as any other."""
    places = torch.stack([shuffled(20, 0, epoch).argsort() for epoch in range(2000)]).double()
    spread = (19 * 21 / 12 / 2000) ** 0.5  # of a mean of 2000 places
    assert (places.mean(0) - 9.5).abs().max() < 5 * spread


@given(count=st.integers(1, 50), parts=st.integers(1, 8))
@settings(max_examples=40, deadline=None)
def test_the_parts_of_a_batch_are_the_batch(count: int, parts: int):
    whole = everything(pictures(count))
    pieces = list(whole.microbatches(parts))
    assert len(pieces) <= parts
    assert torch.cat([piece.rows for piece in pieces]).tolist() == list(range(count))
    assert torch.equal(torch.cat([piece.images for piece in pieces]), whole.images)


def test_pictures_become_shares_of_255_and_are_then_normalised():
    images = np.array([0, 51, 255, 128], np.uint8).reshape(1, 2, 2, 1)
    data = SplitBatches(images, np.array([0]), np.array([0]), TorchDevice("cpu"))
    batch = everything(data)
    assert batch.images.flatten().tolist() == pytest.approx([0, 0.2, 1, 128 / 255])
    normalized = Normalize(PREPROCESS, torch.device("cpu"))(batch.images)
    assert normalized.flatten().tolist() == pytest.approx(
        [-2, -1.2, 2, (128 / 255 - 0.5) / 0.25], abs=1e-6
    )


def test_a_split_holds_its_own_pictures_only():
    images = np.arange(6, dtype=np.uint8).reshape(6, 1, 1, 1)
    data = SplitBatches(images, np.arange(6), np.array([1, 4]), TorchDevice("cpu"))
    assert len(data) == 2
    assert data.targets.tolist() == [1, 4]
    assert (everything(data).images.flatten() * 255).tolist() == pytest.approx([1, 4])


def test_colours_are_in_the_order_of_the_channels():
    images = np.arange(12, dtype=np.uint8).reshape(1, 2, 2, 3)
    data = SplitBatches(images, np.array([0]), np.array([0]), TorchDevice("cpu"))
    batch = everything(data)
    assert batch.images.shape == (1, 3, 2, 2)
    assert (batch.images[0, 1] * 255).flatten().tolist() == pytest.approx([1, 4, 7, 10])


@pytest.mark.parametrize(("side", "expected"), [(28, 256), (224, 26), (4096, 1)])
def test_evaluation_batches_are_of_a_size_that_the_input_fixes(side: int, expected: int):
    assert evaluation_size(Preprocess(channels=3, height=side, width=side)) == expected


UNEVEN = np.repeat(np.arange(3), [900, 90, 10])


def uneven() -> SplitBatches:
    """A thousand pictures, of which a class has ninety in a hundred; picture n is of brightness n."""
    images = np.arange(1000, dtype=np.uint16).view(np.uint8).reshape(1000, 1, 2, 1)
    return SplitBatches(images, UNEVEN, np.arange(1000), TorchDevice("cpu"))


def test_balanced_sampling_draws_every_class_and_every_row_in_it_as_often() -> None:
    epochs = [balanced(torch.from_numpy(UNEVEN), 0, epoch)[0] for epoch in range(60)]
    drawn = torch.cat(epochs)
    counts = torch.bincount(drawn, minlength=1000).double()
    for k, size in enumerate((900, 90, 10)):
        of_class = counts[torch.from_numpy(k == UNEVEN)]
        expected = 60_000 / 3 / size
        assert abs(of_class.sum() - 20_000) < 600  # more than five standard deviations
        assert ((of_class - expected).abs() < 6 * expected**0.5).all()


def test_balanced_epochs_are_as_long_and_can_start_at_any_batch() -> None:
    data = uneven()
    order = {"seed": 4, "epoch": 2, "sampling": "balanced"}
    whole = list(data.shuffled(64, **order))
    assert [len(b) for b in whole] == [len(b) for b in data.shuffled(64, seed=4, epoch=2)]
    for part, again in zip(whole[7:], data.shuffled(64, start=7, **order), strict=True):
        assert torch.equal(part.images, again.images)
        assert torch.equal(part.rows, again.rows)
        assert torch.equal(part.targets, again.targets)
    others = [(seed, epoch) for seed in range(3) for epoch in range(3)]
    orders = {tuple(balanced(data.targets, *other)[0].tolist()) for other in others}
    assert len(orders) == 9


def test_a_picture_drawn_again_keeps_its_class_and_has_a_number_of_its_own() -> None:
    (batch,) = uneven().shuffled(1000, seed=0, epoch=0, sampling="balanced")
    rows = batch.rows % 1000
    brightness = (batch.images * 255).round().long().flatten(1)
    assert torch.equal(brightness[:, 0] + 256 * brightness[:, 1], rows)
    assert torch.equal(batch.targets, torch.from_numpy(UNEVEN)[rows])
    assert len(set(batch.rows.tolist())) == 1000  # so that an augmentation draws anew for it
    assert len(set(rows.tolist())) < 600
    assert set(range(1000)) & set(batch.rows.tolist()) == set(rows.tolist())


def test_a_class_without_a_row_is_never_drawn() -> None:
    order, _ = balanced(torch.tensor([0, 0, 2, 5]), 0, 0)
    assert set(order.tolist()) <= {0, 1, 2, 3}


@given(values=st.lists(st.integers(0, 9), max_size=40))
def test_copies_are_counted_in_their_order(values: list[int]) -> None:
    expected = [values[:place].count(value) for place, value in enumerate(values)]
    assert times_before(torch.tensor(values, dtype=torch.int64)).tolist() == expected


def test_the_balanced_order_is_the_same_in_every_version() -> None:
    order, copies = balanced(torch.tensor([0, 0, 0, 0, 0, 1, 1, 2]), 0, 0)
    assert order.tolist() == [2, 7, 5, 7, 5, 2, 7, 3]
    assert copies.tolist() == [0, 0, 0, 1, 1, 1, 2, 0]


@pytest.mark.parametrize("shape", [(), (3,), (2, 4, 4)])
def test_parts_are_gathered_in_order_whatever_their_shape(shape: tuple[int, ...]) -> None:
    whole = torch.randn(7, *shape, dtype=torch.float64)
    found = concat_into(iter(whole.split(3)), 7)
    assert found.dtype == torch.float32
    assert torch.equal(found, whole.float())
