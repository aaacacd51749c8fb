"""What is odd about labels: names that look alike, names for no value, classes few or uneven."""

import numpy as np

from clfw.audit.confusables import look_alike, reads_as_missing, told_apart
from clfw.audit.findings import Finding, listed
from clfw.data.rows import Rows
from clfw.text import plural

RARE = 10  # training pictures of a class, below which no figure of it means much
UNEVEN = 10  # times as many pictures of the largest class as of the smallest


def misleading_labels(rows: Rows) -> list[Finding]:
    """Classes that are one class written in several ways, or no class. Names that are declared are meant."""
    if rows.table.class_names:
        return []
    findings = []
    groups = look_alike(rows.classes)
    if groups:
        findings.append(
            Finding(
                kind="alike",
                level="corrupts",
                summary=f"{plural(len(groups), 'group')} of class names that look alike",
                rows=rows_of_classes(rows, {name for group in groups for name in group}),
                details=tuple(told_apart(group) for group in groups),
            )
        )
    missing = [name for name in rows.classes if reads_as_missing(name)]
    if missing:
        findings.append(
            Finding(
                kind="missing",
                level="corrupts",
                summary=f"a class is named {listed(missing)}, as other programs write no value",
                rows=rows_of_classes(rows, set(missing)),
            )
        )
    return findings


def rows_of_classes(rows: Rows, names: set[str]) -> tuple[int, ...]:
    """The rows of these classes."""
    wanted = [k for k, name in enumerate(rows.classes) if name in names]
    return tuple(np.flatnonzero(np.isin(rows.targets, wanted)).tolist())


def not_validated(rows: Rows) -> list[Finding]:
    """Classes without a picture in the validation split that the data itself declares."""
    if "validation" not in rows.table.splits or not rows.labeled("validation"):
        return []
    there = set(rows.targets[rows.of("validation")].tolist())
    absent = [name for k, name in enumerate(rows.classes) if k not in there]
    if not absent:
        return []
    return [
        Finding(
            kind="unvalidated",
            level="notable",
            summary=f"the validation split has no picture of {listed(absent)}, so nothing tells how "
            "well that is learned",
        )
    ]


def few_or_uneven(rows: Rows) -> list[Finding]:
    """Classes with few training pictures, or far fewer than another."""
    targets = rows.targets[rows.of("train")]
    counts = np.bincount(targets[targets >= 0], minlength=len(rows.classes))
    few = [k for k, count in enumerate(counts.tolist()) if 0 < count < RARE]
    findings = []
    if few:
        names = listed([rows.classes[k] for k in few])
        findings.append(
            Finding(
                kind="rare",
                level="notable",
                summary=f"fewer than {RARE} training pictures: {names}",
            )
        )
    there = np.flatnonzero(counts)
    if len(there) and counts.max() > UNEVEN * counts[there].min():
        least, most = there[counts[there].argmin()], int(counts.argmax())
        findings.append(
            Finding(
                kind="uneven",
                level="notable",
                summary=f"classes are uneven: {counts[most]:,} training pictures of "
                f"{listed([rows.classes[most]])}, {counts[least]:,} of {listed([rows.classes[least]])}"
                "; see train.class_weights and train.sampling",
            )
        )
    return findings
