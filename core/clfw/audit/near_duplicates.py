"""Photographs that look nearly the same: rescaled, recompressed, a little brighter. Approximate."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from clfw.api.source import SPLITS
from clfw.audit.findings import Finding, describe_row
from clfw.audit.image_scan import DHASH_BYTES, PHOTOGRAPH, ScannedImages
from clfw.data.rows import LEFT_OUT, Rows
from clfw.text import plural

OVERLAP = 0.8  # Dice coefficient of two hashes, from which they count as near
BLOCK = 512  # photographs compared with all others at a time


def near_duplicates(scan: ScannedImages, rows: Rows) -> list[Finding]:
    """Pairs of photographs that look nearly the same, those across splits first."""
    pictures = scan.pictures
    large = np.minimum(pictures["height"], pictures["width"]) >= PHOTOGRAPH
    photographs = np.flatnonzero(large & (rows.split != LEFT_OUT))
    small = int(((pictures["form"] != "") & ~large & (rows.split != LEFT_OUT)).sum())
    findings = []
    if small:
        findings.append(
            Finding(
                kind="small",
                level="info",
                summary=f"{plural(small, 'picture')} with a side under {PHOTOGRAPH} pixels not "
                "compared for near duplicates",
            )
        )
    pairs = dhash_matches(pictures[photographs])
    named_pairs = [(int(photographs[one]), int(photographs[other])) for one, other in pairs]
    named_pairs.sort(key=lambda pair: rows.split[pair[0]] == rows.split[pair[1]])
    if named_pairs:
        across_splits = sum(rows.split[one] != rows.split[other] for one, other in named_pairs)
        findings.append(
            Finding(
                kind="near",
                level="info",
                summary=f"{plural(len(named_pairs), 'pair')} of photographs look nearly the same, "
                f"{across_splits:,} of them in two splits",
                rows=tuple(row for pair in named_pairs for row in pair),
                details=tuple(pair_line(pair, rows) for pair in named_pairs),
            )
        )
    return findings


def dhash_matches(pictures: NDArray[Any]) -> list[tuple[int, int]]:
    """Positions of pairs with similar hashes, without those whose pixels are equal."""
    hashes = np.ascontiguousarray(pictures["sketch"]).view(np.uint8).reshape(-1, DHASH_BYTES)
    bits = np.unpackbits(hashes, axis=1).astype(np.float32)
    sizes = bits.sum(axis=1)
    found = []
    for start in range(0, len(bits), BLOCK):
        overlap = 2 * (bits[start : start + BLOCK] @ bits[start:].T)
        total = sizes[start : start + BLOCK, None] + sizes[None, start:]
        near = np.argwhere(np.triu(overlap >= OVERLAP * total, 1) & (total > 0)) + start
        found += [(int(one), int(other)) for one, other in near]
    digests = pictures["pixels"]
    return [pair for pair in found if digests[pair[0]] != digests[pair[1]]]


def pair_line(pair: tuple[int, int], rows: Rows) -> str:
    """A pair on one line, with its splits where they differ."""
    names = [describe_row(rows.table, row) for row in pair]
    if rows.split[pair[0]] != rows.split[pair[1]]:
        splits = [SPLITS[rows.split[row]] for row in pair]
        names = [f"{name} ({split})" for name, split in zip(names, splits, strict=True)]
    return " ~ ".join(names)
