"""Which rows are held out, by a hash of each row's own name.

A share or a fold of the hash alone moves no old row when rows are added or reordered. The exact ones,
of every class its share, depend on which rows there are: of two equal tables in any order the same
rows are held out, but a row that is added may move others.
"""

import hashlib
import struct
from collections import defaultdict
from collections.abc import Iterator, Sequence
from fractions import Fraction

Fold = tuple[int, int]  # which one, from 1, of how many


def held_out(names: Sequence[str], fraction: float, seed: int) -> list[bool]:
    """For each name, whether it falls into the held-out share.

    A hash of (seed, name) is compared with a threshold, so the share is `fraction` in expectation
    and a row's fate depends on nothing but its own name (its key, or its group).
    """
    threshold = int(fraction * 2**64)
    return [number < threshold for number in hashes(names, seed)]


def held_out_fold(names: Sequence[str], fold: Fold, seed: int) -> list[bool]:
    """For each name, whether it falls into the fold; the folds of one number divide the names."""
    which, parts = fold
    return [number * parts >> 64 == which - 1 for number in hashes(names, seed)]


def held_out_exactly(
    names: Sequence[str], strata: Sequence[str], fraction: float, seed: int
) -> list[bool]:
    """The same share of every stratum, to the row: the names whose hashes are lowest in each.

    The counts add up to the share of all, so a stratum's own may be one off where rounding decides.
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
    """One of the parts into which every stratum is dealt out, row by row, by hash."""
    which, parts = fold
    out = [False] * len(names)
    dealt = [row for rows in by_hash(names, strata, seed) for row in rows]
    for row in dealt[which - 1 :: parts]:
        out[row] = True
    return out


def by_hash(names: Sequence[str], strata: Sequence[str], seed: int) -> Iterator[list[int]]:
    """The numbers of each stratum's names in the order of their hashes, stratum by stratum."""
    members: dict[str, list[int]] = defaultdict(list)
    for row, stratum in enumerate(strata):
        members[stratum].append(row)
    numbers = hashes(names, seed)
    for stratum in sorted(members):
        yield sorted(members[stratum], key=lambda row: (numbers[row], names[row]))


def hashes(names: Sequence[str], seed: int) -> list[int]:
    """A number below 2 to the 64 for each name."""
    salt = hashlib.blake2b(f"{seed}:".encode(), digest_size=8)
    digests = []
    for name in names:
        digest = salt.copy()  # which is quicker than a new one
        digest.update(name.encode("utf-8", "surrogateescape"))
        digests.append(digest.digest())
    return list(struct.unpack(f">{len(digests)}Q", b"".join(digests)))
