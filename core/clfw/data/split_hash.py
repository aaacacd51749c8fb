"""Which rows are held out, by a hash of each row's own name.

By hash alone, no old row changes its split when rows are added or reordered. The exact variants, which
hold out the same fraction of every class, depend on which rows there are: the order of a table does
not matter, but an added row may move others.
"""

import hashlib
import struct
from collections import defaultdict
from collections.abc import Iterator, Sequence
from fractions import Fraction

Fold = tuple[int, int]  # which one, from 1, of how many


def held_out(names: Sequence[str], fraction: float, seed: int) -> list[bool]:
    """For each name, whether it is held out.

    A hash of (seed, name) is compared with a threshold, so `fraction` is held out in expectation, and
    whether a row is depends only on its own name (its key, or its group).
    """
    threshold = int(fraction * 2**64)
    return [number < threshold for number in hashes(names, seed)]


def held_out_fold(names: Sequence[str], fold: Fold, seed: int) -> list[bool]:
    """For each name, whether it falls into the fold; the N folds of N partition the names."""
    which, parts = fold
    return [number * parts >> 64 == which - 1 for number in hashes(names, seed)]


def held_out_exactly(
    names: Sequence[str], strata: Sequence[str], fraction: float, seed: int
) -> list[bool]:
    """The same fraction of every stratum, exactly: the names with the lowest hashes in each.

    The counts add up to the fraction of all names, so a stratum may be off by one from rounding.
    """
    out = [False] * len(names)
    share, seen, taken = Fraction(str(fraction)), 0, 0
    for rows in by_hash(names, strata, seed):
        seen += len(rows)
        quota = int(share * seen + Fraction(1, 2)) - taken
        taken += quota
        for row in rows[:quota]:
            out[row] = True
    return out


def held_out_fold_exactly(
    names: Sequence[str], strata: Sequence[str], fold: Fold, seed: int
) -> list[bool]:
    """One of the folds into which every stratum is dealt out, row by row, by hash."""
    which, parts = fold
    out = [False] * len(names)
    dealt = [row for rows in by_hash(names, strata, seed) for row in rows]
    for row in dealt[which - 1 :: parts]:
        out[row] = True
    return out


def by_hash(names: Sequence[str], strata: Sequence[str], seed: int) -> Iterator[list[int]]:
    """For each stratum, the positions of its names, ordered by hash."""
    members: dict[str, list[int]] = defaultdict(list)
    for row, stratum in enumerate(strata):
        members[stratum].append(row)
    numbers = hashes(names, seed)
    for stratum in sorted(members):
        yield sorted(members[stratum], key=lambda row: (numbers[row], names[row]))


def hashes(names: Sequence[str], seed: int) -> list[int]:
    """A number below 2**64 for each name."""
    salt = hashlib.blake2b(f"{seed}:".encode(), digest_size=8)
    digests = []
    for name in names:
        digest = salt.copy()  # faster than a new one
        digest.update(name.encode("utf-8", "surrogateescape"))
        digests.append(digest.digest())
    return list(struct.unpack(f">{len(digests)}Q", b"".join(digests)))
