"""Batches of pictures from a uint8 tensor: order, selection, conversion, normalisation."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clfw.api.preprocess import Preprocess
from clfw.data.pixel_map import PixelMap
from clfw.models.device import Device

Sampling = Literal["shuffled", "balanced"]
EVALUATION_VALUES = 4_000_000  # input values of one evaluation batch, at most
EVALUATION_PICTURES = 256  # whose tensors are under the size from which memory is given back


@dataclass(frozen=True, slots=True)
class Batch:
    """Some pictures.

    Attributes:
        images: (B, C, H, W) float32 in [0, 1], not yet normalised.
        targets: (B,) int64.
        rows: (B,) int64, a number of its own for each picture.
    """

    images: Tensor
    targets: Tensor
    rows: Tensor

    def __len__(self) -> int:
        return len(self.targets)

    def microbatches(self, count: int) -> Iterator["Batch"]:
        """The batch in `count` pieces of nearly equal size, fewer where it is small."""
        if count == 1:
            yield self
            return
        for chunk in torch.arange(len(self), device=self.targets.device).chunk(count):
            yield Batch(self.images[chunk], self.targets[chunk], self.rows[chunk])


class Batches(Protocol):
    """One split, as the trainer and the evaluator see it."""

    @property
    def targets(self) -> Tensor:
        """(N,) int64, in row order."""

    def __len__(self) -> int: ...

    def shuffled(
        self, size: int, *, seed: int, epoch: int, start: int = 0, sampling: Sampling = "shuffled"
    ) -> Iterator[Batch]:
        """The batches of an epoch from number `start` on.

        Which rows they hold follows (seed, epoch, sampling) alone.
        """

    def sequential(self, size: int) -> Iterator[Batch]:
        """All rows in order."""


class SplitBatches:
    """One split of the pictures, on a device, or streamed to it batch by batch."""

    def __init__(
        self,
        images: NDArray[np.uint8],
        targets: NDArray[np.int64],
        positions: NDArray[np.int64],
        device: Device,
        streamed: PixelMap | None = None,
    ) -> None:
        """`images` (N, H, W, C) and `targets` (N,) hold more than the split; `positions` choose it.

        `streamed` is the map that `images` is of where it is to stay out of memory: each batch is
        read from its file, and the system told of the next one.
        """
        self._format = device.memory_format
        self._device = device.torch_device
        self._streamed = streamed
        whole = torch.from_numpy(images)  # the memory map itself, nothing is copied
        if self._device.type == "cpu" or streamed is not None:
            self._images, self._positions = whole, torch.from_numpy(positions)
        else:  # only this split's pictures take room on the device
            self._images = whole[torch.from_numpy(positions)].to(self._device)
            self._positions = torch.arange(len(positions), device=self._device)
        self._targets = torch.from_numpy(targets[positions]).to(self._device)
        self._rows = torch.from_numpy(positions).to(self._device)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def targets(self) -> Tensor:
        """(N,) int64, in row order."""
        return self._targets

    def shuffled(
        self, size: int, *, seed: int, epoch: int, start: int = 0, sampling: Sampling = "shuffled"
    ) -> Iterator[Batch]:
        """The batches of an epoch from number `start` on.

        Which rows they hold follows (seed, epoch, sampling) alone.
        """
        bounds = batch_bounds(len(self), size)[start:]
        if sampling == "shuffled":
            yield from self._chosen(shuffled(len(self), seed, epoch), bounds)
            return
        order, copies = balanced(self._targets.cpu(), seed, epoch)
        numbers = copies.to(self._device) * len(self._images)
        for (first, last), batch in zip(bounds, self._chosen(order, bounds), strict=True):
            yield replace(batch, rows=batch.rows + numbers[first:last])

    def sequential(self, size: int) -> Iterator[Batch]:
        """All pictures in row order."""
        starts = range(0, len(self), size)
        yield from self._chosen(torch.arange(len(self)), [(s, s + size) for s in starts])

    def _chosen(self, order: Tensor, bounds: Sequence[tuple[int, int]]) -> Iterator[Batch]:
        """The batches within `bounds` of the rows `order` (N,) of the split."""
        positions = self._positions[order.to(self._positions.device)]
        order = order.to(self._device)
        targets, rows = self._targets[order], self._rows[order]  # once an epoch, and not a batch
        for (first, last), after in zip_longest(bounds, bounds[1:]):
            images = self._pictures(positions[first:last])
            if self._streamed is not None and after is not None:
                self._streamed.expect(positions[slice(*after)].tolist())
            yield Batch(images, targets[first:last], rows[first:last])

    def _pictures(self, positions: Tensor) -> Tensor:
        """(B, C, H, W) float32 in [0, 1]."""
        if self._streamed is None:
            chosen = self._images.index_select(0, positions)  # (B, H, W, C) uint8
        else:
            chosen = torch.from_numpy(self._streamed.read(positions.tolist()))
            if self._device.type == "cuda":  # from pinned memory the host need not wait
                chosen = chosen.pin_memory().to(self._device, non_blocking=True)
        images = chosen.permute(0, 3, 1, 2).to(torch.float32, memory_format=self._format)
        return images.div_(255)


def shuffled(count: int, seed: int, epoch: int) -> Tensor:
    """A permutation of `count` rows, a pure function of (seed, epoch)."""
    return torch.randperm(count, generator=generator_of(seed, epoch))


def generator_of(seed: int, epoch: int) -> torch.Generator:
    """The random numbers of one epoch's order."""
    mixed = np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(mixed) & 0x7FFFFFFFFFFFFFFF)


def balanced(targets: Tensor, seed: int, epoch: int) -> tuple[Tensor, Tensor]:
    """As many rows as there are, drawn with every class equally probable, and rows within one too.

    Both are (N,) and pure functions of (seed, epoch): the rows, and how often each was drawn before,
    so that an augmentation draws anew for every copy.
    """
    count, generator = len(targets), generator_of(seed, epoch)
    by_class = targets.argsort(stable=True)
    counts = torch.bincount(targets)
    sizes = counts[counts > 0]  # a class without a row is never drawn
    drawn = torch.randint(len(sizes), (count,), generator=generator)
    share = torch.rand(count, generator=generator, dtype=torch.float64)
    within = (share * sizes[drawn]).long()
    order = by_class[(sizes.cumsum(0) - sizes)[drawn] + within]
    return order, times_before(order)


def times_before(order: Tensor) -> Tensor:
    """(N,) how often each value stands in `order` before its place."""
    values, place = order.sort(stable=True)
    numbers = torch.arange(len(order))
    first = torch.searchsorted(values, values)  # where the equal ones begin
    return torch.empty_like(order).index_copy_(0, place, numbers - first)


def batch_bounds(count: int, size: int) -> list[tuple[int, int]]:
    """(first, last) of each batch; every row once.

    A last batch of one picture joins the one before it, as batch norm cannot train on one.
    """
    starts = list(range(0, count, size))
    if len(starts) > 1 and count - starts[-1] == 1:
        starts.pop()
    return list(zip(starts, [*starts[1:], count], strict=True))


def updates_per_epoch(count: int, batch_size: int | str, accumulate: int) -> int:
    """Of a recipe on `count` training pictures; `batch_size` may be "full"."""
    size = count if batch_size == "full" else int(batch_size)
    return len(batch_bounds(count, size * accumulate))


class Normalize:
    """(pixel - mean) / std per channel, in place: the last thing before the network."""

    def __init__(self, preprocess: Preprocess, device: torch.device) -> None:
        shape = (1, preprocess.channels, 1, 1)
        self._mean = torch.tensor(preprocess.mean, device=device).reshape(shape)
        self._std = torch.tensor(preprocess.std, device=device).reshape(shape)

    def __call__(self, images: Tensor) -> Tensor:
        """(B, C, H, W) float32 in [0, 1], which is overwritten, to normalised values."""
        return images.sub_(self._mean).div_(self._std)


def evaluation_size(preprocess: Preprocess) -> int:
    """Pictures in an evaluation batch: a fixed number for an input, so that figures repeat."""
    values = preprocess.channels * preprocess.height * preprocess.width
    return max(1, min(EVALUATION_PICTURES, EVALUATION_VALUES // values))


def concat_into(parts: Iterable[Tensor], count: int) -> Tensor:
    """(count, ...) float32 of parts (B, ...) that follow one another.

    Each is copied to its place at once: kept one by one they would lie among the activations that come
    and go, and leave holes that the next do not fit in.
    """
    done, whole = 0, torch.empty(0)
    for part in parts:
        if not done:
            whole = part.new_empty(count, *part.shape[1:], dtype=torch.float32)
        whole[done : done + len(part)] = part
        done += len(part)
    return whole


def to_array(tensor: Tensor) -> NDArray[np.float32]:
    """`tensor` on the host."""
    array: NDArray[np.float32] = tensor.detach().cpu().numpy()
    return array
