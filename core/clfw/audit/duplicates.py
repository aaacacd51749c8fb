"""Exactly equal pictures: which rows they are, and the leaks and label conflicts among them."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clfw.api.source import SPLITS
from clfw.audit.findings import Finding, describe_row
from clfw.data.rows import LEFT_OUT, Rows
from clfw.text import escape, plural

Group = tuple[int, ...]  # rows with equal pictures, ascending
PIECE = 1 << 24  # bytes hashed at a time


def equal_pictures(
    images: NDArray[np.uint8], numbers: NDArray[np.int64], on_piece: Callable[[int], None]
) -> list[Group]:
    """The groups of equal pictures.

    Args:
        images: (N, ...) uint8, possibly a memory map.
        numbers: (N,) int64, the row of each.
        on_piece: called after each piece with its number of pictures.
    """
    flat = images.reshape(len(images), -1)
    sums = row_sums(flat, on_piece)
    order = np.argsort(sums, kind="stable")
    same = np.flatnonzero(np.diff(sums[order]) == 0)
    suspects = np.unique(order[np.union1d(same, same + 1)])
    by_content: dict[bytes, list[int]] = defaultdict(list)
    for position in suspects.tolist():
        by_content[hashlib.sha256(flat[position]).digest()].append(int(numbers[position]))
    return groups_of(by_content.values())


def row_sums(flat: NDArray[np.uint8], on_piece: Callable[[int], None]) -> NDArray[np.uint64]:
    """(N,) uint64 weighted sum of each row's 64-bit words, each times a random odd factor, modulo 2**64.

    Equal rows have equal sums, others almost never; runs at memory speed.
    """
    length = flat.shape[1]
    words = length // 8
    random = np.random.default_rng(0)
    factors = random.integers(0, 2**63, words + length % 8, np.uint64) * 2 + 1
    sums = np.zeros(len(flat), np.uint64)
    step = max(1, PIECE // length)
    for start in range(0, len(flat), step):
        part = flat[start : start + step]
        whole = np.ascontiguousarray(part[:, : words * 8]).view(np.uint64)
        rest = part[:, words * 8 :].astype(np.uint64)
        sums[start : start + step] = whole @ factors[:words] + rest @ factors[words:]
        on_piece(len(part))
    return sums


def groups_of(rows: Iterable[Sequence[int]]) -> list[Group]:
    """The groups with more than one row, ordered by first row."""
    return sorted(tuple(sorted(group)) for group in rows if len(group) > 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class DuplicateGroups:
    """Groups of equal pictures, by problem.

    Attributes:
        across_splits: in more than one split: leaks.
        conflicting: with more than one label.
        repeated: in one split and with one label.
    """

    across_splits: list[Group]
    conflicting: list[Group]
    repeated: list[Group]


def classify_groups(groups: Iterable[Group], rows: Rows) -> DuplicateGroups:
    """Sort the groups by problem; a group may be both across splits and conflicting."""
    across_splits, conflicting, repeated = [], [], []
    for whole in groups:
        group = tuple(row for row in whole if rows.split[row] != LEFT_OUT)
        splits = {int(rows.split[row]) for row in group}
        labels = {int(rows.targets[row]) for row in group} - {-1}
        if len(splits) > 1:
            across_splits.append(group)
        if len(labels) > 1:
            conflicting.append(group)
        if len(group) > 1 and len(splits) == 1 and len(labels) <= 1:
            repeated.append(group)
    return DuplicateGroups(across_splits=across_splits, conflicting=conflicting, repeated=repeated)


def leaks_and_conflicts(found: DuplicateGroups, rows: Rows) -> list[Finding]:
    """What distorts training or its metrics: leaks between splits, conflicting labels."""
    findings = []
    for inner, outer in (("train", "validation"), ("train", "test"), ("validation", "test")):
        pair = [SPLITS.index(inner), SPLITS.index(outer)]
        both = [g for g in found.across_splits if set(pair) <= {int(rows.split[row]) for row in g}]
        members = tuple(row for g in both for row in g if rows.split[row] in pair)
        count = sum(int(rows.split[row]) == pair[1] for row in members)
        if both:
            findings.append(
                Finding(
                    kind="leak",
                    level="warning",
                    summary=f"{count:,} of {plural(len(rows.of(outer)), f'{outer} picture')} "
                    f"{'is' if count == 1 else 'are'} in the {inner} split too, pixel for pixel",
                    rows=members,
                    details=tuple(group_line(group, rows) for group in both),
                )
            )
    if found.conflicting:
        members = tuple(row for group in found.conflicting for row in group)
        findings.append(
            Finding(
                kind="contradiction",
                level="warning",
                summary=f"{plural(len(members), 'picture')} with equal pixels and different labels",
                rows=members,
                details=tuple(group_line(group, rows) for group in found.conflicting),
            )
        )
    return findings


def group_line(group: Group, rows: Rows, most: int = 4) -> str:
    """The rows of a group on one line, with labels and splits where they differ."""
    labels = len({int(rows.targets[row]) for row in group}) > 1
    splits = len({int(rows.split[row]) for row in group}) > 1
    texts = []
    for row in group[:most]:
        facts = [SPLITS[rows.split[row]]] if splits else []
        if labels:
            target = int(rows.targets[row])
            facts.append("no label" if target < 0 else escape(rows.classes[target], 30))
        texts.append(describe_row(rows.table, row) + (f" ({', '.join(facts)})" if facts else ""))
    more = [f"{len(group) - most:,} more"] if len(group) > most else []
    return " = ".join([*texts, *more])


def repeated_images(found: DuplicateGroups, rows: Rows) -> list[Finding]:
    """Equal pictures with the same split and label, which count more than once."""
    if not found.repeated:
        return []
    members = tuple(row for group in found.repeated for row in group)
    return [
        Finding(
            kind="repeated",
            level="info",
            summary=f"{plural(len(members), 'picture')} with equal pixels, label and split, "
            f"{len(members) - len(found.repeated):,} of them more than needed",
            rows=members,
            details=tuple(group_line(group, rows) for group in found.repeated),
        )
    ]


def redundant_rows(groups: Iterable[Group], rows: Rows) -> dict[int, str]:
    """Rows to leave out, each with the reason, so that no equal pictures remain.

    One row of a group stays: of the test split first, then validation, then training; none if labels
    conflict. No row of the test split is left out, so that its metrics stay comparable.
    """
    reasons = {}
    for group in groups:
        members = [row for row in group if rows.split[row] != LEFT_OUT]
        kept = max(members, key=lambda row: (rows.split[row], -row), default=-1)
        conflicting = len({int(rows.targets[row]) for row in members} - {-1}) > 1
        for row in members:
            if rows.split[row] == SPLITS.index("test") or (row == kept and not conflicting):
                continue
            differing = (r for r in members if rows.targets[r] != rows.targets[row])
            other = next(differing) if conflicting else kept
            split = SPLITS[rows.split[other]]
            label = ", with another label" if conflicting else ""
            reasons[row] = f"same picture as {describe_row(rows.table, other)} ({split}){label}"
    return reasons
