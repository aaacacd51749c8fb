"""Equal pictures: which rows they are, and what follows where splits or labels differ. Exact."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clfw.api.source import SPLITS
from clfw.audit.findings import Finding, named
from clfw.data.rows import LEFT_OUT, Rows
from clfw.text import escape, plural

Group = tuple[int, ...]  # numbers of rows whose pictures are equal, ascending
PIECE = 1 << 24  # bytes that are hashed in one go, however large the set


def equal_pictures(
    images: NDArray[np.uint8], numbers: NDArray[np.int64], seen: Callable[[int], None]
) -> list[Group]:
    """The groups of equal pictures.

    Args:
        images: (N, ...) uint8, possibly a memory map.
        numbers: (N,) the row of each.
        seen: called after each piece with the number of its pictures.
    """
    flat = images.reshape(len(images), -1)
    sums = row_sums(flat, seen)
    order = np.argsort(sums, kind="stable")
    same = np.flatnonzero(np.diff(sums[order]) == 0)
    suspects = np.unique(order[np.union1d(same, same + 1)])
    by_content: dict[bytes, list[int]] = defaultdict(list)
    for position in suspects.tolist():
        by_content[hashlib.sha256(flat[position]).digest()].append(int(numbers[position]))
    return groups_of(by_content.values())


def row_sums(flat: NDArray[np.uint8], seen: Callable[[int], None]) -> NDArray[np.uint64]:
    """(N,) a sum of each row's words, each times an odd number of its own, modulo 2**64.

    Equal rows have equal sums, other rows hardly ever; at the speed of memory.
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
        seen(len(part))
    return sums


def groups_of(rows: Iterable[Sequence[int]]) -> list[Group]:
    """Those of more than one row, by their first row."""
    return sorted(tuple(sorted(group)) for group in rows if len(group) > 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sorted:
    """Groups of equal pictures by what follows from them.

    Attributes:
        torn: in more than one split.
        contradicting: with more than one label.
        repeated: in one split and with one label.
    """

    torn: list[Group]
    contradicting: list[Group]
    repeated: list[Group]


def sort_out(groups: Iterable[Group], rows: Rows) -> Sorted:
    """What follows from each group; a group may be both torn and contradicting."""
    torn, contradicting, repeated = [], [], []
    for whole in groups:
        group = tuple(row for row in whole if rows.split[row] != LEFT_OUT)
        splits = {int(rows.split[row]) for row in group}
        labels = {int(rows.targets[row]) for row in group} - {-1}
        if len(splits) > 1:
            torn.append(group)
        if len(labels) > 1:
            contradicting.append(group)
        if len(group) > 1 and len(splits) == 1 and len(labels) <= 1:
            repeated.append(group)
    return Sorted(torn=torn, contradicting=contradicting, repeated=repeated)


def correctness(found: Sorted, rows: Rows) -> list[Finding]:
    """What falsifies a training or its figures: leaks between splits, labels that contradict."""
    findings = []
    for inner, outer in (("train", "validation"), ("train", "test"), ("validation", "test")):
        pair = [SPLITS.index(inner), SPLITS.index(outer)]
        both = [g for g in found.torn if set(pair) <= {int(rows.split[row]) for row in g}]
        members = tuple(row for g in both for row in g if rows.split[row] in pair)
        count = sum(int(rows.split[row]) == pair[1] for row in members)
        if both:
            findings.append(
                Finding(
                    kind="leak",
                    level="corrupts",
                    summary=f"{count:,} of {plural(len(rows.of(outer)), f'{outer} picture')} "
                    f"{'is' if count == 1 else 'are'} in the {inner} split too, pixel for pixel",
                    rows=members,
                    details=tuple(equation(group, rows) for group in both),
                )
            )
    if found.contradicting:
        members = tuple(row for group in found.contradicting for row in group)
        findings.append(
            Finding(
                kind="contradiction",
                level="corrupts",
                summary=f"{plural(len(members), 'picture')} with equal pixels and different labels",
                rows=members,
                details=tuple(equation(group, rows) for group in found.contradicting),
            )
        )
    return findings


def equation(group: Group, rows: Rows, most: int = 4) -> str:
    """The rows of a group on one line; the labels where they differ, the splits where they do."""
    labels = len({int(rows.targets[row]) for row in group}) > 1
    splits = len({int(rows.split[row]) for row in group}) > 1
    texts = []
    for row in group[:most]:
        facts = [SPLITS[rows.split[row]]] if splits else []
        if labels:
            target = int(rows.targets[row])
            facts.append("no label" if target < 0 else escape(rows.classes[target], 30))
        texts.append(named(rows.table, row) + (f" ({', '.join(facts)})" if facts else ""))
    more = [f"{len(group) - most:,} more"] if len(group) > most else []
    return " = ".join([*texts, *more])


def repetitions(found: Sorted, rows: Rows) -> list[Finding]:
    """Equal pictures of one split and one label, which count more than once."""
    if not found.repeated:
        return []
    members = tuple(row for group in found.repeated for row in group)
    return [
        Finding(
            kind="repeated",
            level="notable",
            summary=f"{plural(len(members), 'picture')} with equal pixels, label and split, "
            f"{len(members) - len(found.repeated):,} of them more than needed",
            rows=members,
            details=tuple(equation(group, rows) for group in found.repeated),
        )
    ]


def surplus(groups: Iterable[Group], rows: Rows) -> dict[int, str]:
    """Rows to leave out, each with the reason, so that no group is torn, contradicting or repeated.

    One row of a group stays, of the test split before the validation split before training; where
    labels contradict, none does. No row of the test split is left out, so that its figures stay
    comparable.
    """
    reasons = {}
    for group in groups:
        there = [row for row in group if rows.split[row] != LEFT_OUT]
        kept = max(there, key=lambda row: (rows.split[row], -row), default=-1)
        contradicting = len({int(rows.targets[row]) for row in there} - {-1}) > 1
        for row in there:
            if rows.split[row] == SPLITS.index("test") or (row == kept and not contradicting):
                continue
            unlike = (r for r in there if rows.targets[r] != rows.targets[row])
            other = next(unlike) if contradicting else kept
            split = SPLITS[rows.split[other]]
            label = ", with another label" if contradicting else ""
            reasons[row] = f"same picture as {named(rows.table, other)} ({split}){label}"
    return reasons
