"""Which rows are held out: decided by each row's own name, so that new rows never move old ones."""

import hashlib
from collections.abc import Sequence


def held_out(names: Sequence[str], fraction: float, seed: int) -> list[bool]:
    """For each name, whether it falls into the held-out share.

    A hash of (seed, name) is compared with a threshold, so the share is `fraction` in expectation
    and a row's fate depends on nothing but its own name (its key, or its group).
    """
    threshold = int(fraction * 2**64)
    salt = hashlib.blake2b(f"{seed}:".encode(), digest_size=8)
    return [_hash(salt, name) < threshold for name in names]


def _hash(salt: "hashlib.blake2b", name: str) -> int:
    digest = salt.copy()
    digest.update(name.encode(errors="surrogateescape"))
    return int.from_bytes(digest.digest(), "big")
