"""Photographs that look nearly the same: scaled, compressed anew, a little brighter. Not exact."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from clfw.api.source import SPLITS
from clfw.audit.findings import Finding, named
from clfw.audit.image_scan import DHASH_BYTES, PHOTOGRAPH, ScannedImages
from clfw.data.rows import LEFT_OUT, Rows
from clfw.text import plural

OVERLAP = 0.8  # share of the bits of two sketches that must agree (Dice's measure)
BLOCK = 512  # photographs that are compared with all others in one go


def near_duplicates(examined: ScannedImages, rows: Rows) -> list[Finding]:
    """Pairs of photographs that look nearly the same, those of two splits first."""
    pictures = examined.pictures
    large = np.minimum(pictures["height"], pictures["width"]) >= PHOTOGRAPH
    photographs = np.flatnonzero(large & (rows.split != LEFT_OUT))
    small = int(((pictures["form"] != "") & ~large & (rows.split != LEFT_OUT)).sum())
    findings = []
    if small:
        findings.append(
            Finding(
                kind="small",
                level="notable",
                summary=f"{plural(small, 'picture')} with a side under {PHOTOGRAPH} pixels not "
                "compared for near duplicates",
            )
        )
    pairs = dhash_matches(pictures[photographs])
    named_pairs = [(int(photographs[one]), int(photographs[other])) for one, other in pairs]
    named_pairs.sort(key=lambda pair: rows.split[pair[0]] == rows.split[pair[1]])
    if named_pairs:
        torn = sum(rows.split[one] != rows.split[other] for one, other in named_pairs)
        findings.append(
            Finding(
                kind="near",
                level="notable",
                summary=f"{plural(len(named_pairs), 'pair')} of photographs look nearly the same, "
                f"{torn:,} of them in two splits",
                rows=tuple(row for pair in named_pairs for row in pair),
                details=tuple(likeness(pair, rows) for pair in named_pairs),
            )
        )
    return findings


def dhash_matches(pictures: NDArray[Any]) -> list[tuple[int, int]]:
    """Positions of the pairs whose sketches overlap, less those whose pixels are equal."""
    sketches = np.ascontiguousarray(pictures["sketch"]).view(np.uint8).reshape(-1, DHASH_BYTES)
    bits = np.unpackbits(sketches, axis=1).astype(np.float32)
    sizes = bits.sum(axis=1)
    found = []
    for start in range(0, len(bits), BLOCK):
        overlap = 2 * (bits[start : start + BLOCK] @ bits[start:].T)
        total = sizes[start : start + BLOCK, None] + sizes[None, start:]
        near = np.argwhere(np.triu(overlap >= OVERLAP * total, 1) & (total > 0)) + start
        found += [(int(one), int(other)) for one, other in near]
    digests = pictures["pixels"]
    return [pair for pair in found if digests[pair[0]] != digests[pair[1]]]


def likeness(pair: tuple[int, int], rows: Rows) -> str:
    """A pair on one line, with its splits where they differ."""
    torn = rows.split[pair[0]] != rows.split[pair[1]]
    names = (
        f"{named(rows.table, row)}{f' ({SPLITS[rows.split[row]]})' if torn else ''}" for row in pair
    )
    return " ~ ".join(names)
