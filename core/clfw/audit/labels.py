"""Issues of labels: look-alike names, names for missing values, rare or uneven classes."""

import numpy as np

from clfw.audit.confusables import look_alike, quote_names, reads_as_missing
from clfw.audit.findings import Finding, quoted_list
from clfw.data.rows import Rows
from clfw.text import plural

RARE = 10  # training pictures; metrics of a class with fewer mean little
UNEVEN = 10  # ratio of the largest class to the smallest


def misleading_labels(rows: Rows) -> list[Finding]:
    """Classes that may be one class spelled in several ways, or none; declared names are trusted."""
    if rows.table.class_names:
        return []
    findings = []
    groups = look_alike(rows.classes)
    if groups:
        findings.append(
            Finding(
                kind="alike",
                level="warning",
                summary=f"{plural(len(groups), 'group')} of class names that look alike",
                rows=rows_of_classes(rows, {name for group in groups for name in group}),
                details=tuple(quote_names(group) for group in groups),
            )
        )
    missing = [name for name in rows.classes if reads_as_missing(name)]
    if missing:
        findings.append(
            Finding(
                kind="missing",
                level="warning",
                summary=f"a class is named {quoted_list(missing)}, as other programs write a missing value",
                rows=rows_of_classes(rows, set(missing)),
            )
        )
    return findings


def rows_of_classes(rows: Rows, names: set[str]) -> tuple[int, ...]:
    """The rows of these classes."""
    wanted = [k for k, name in enumerate(rows.classes) if name in names]
    return tuple(np.flatnonzero(np.isin(rows.targets, wanted)).tolist())


def not_validated(rows: Rows) -> list[Finding]:
    """Classes without a picture in the data's own validation split."""
    if "validation" not in rows.table.splits or not rows.labeled("validation"):
        return []
    present = set(rows.targets[rows.of("validation")].tolist())
    absent = [name for k, name in enumerate(rows.classes) if k not in present]
    if not absent:
        return []
    return [
        Finding(
            kind="unvalidated",
            level="info",
            summary=f"the validation split has no picture of {quoted_list(absent)}, so nothing shows how "
            f"well {'it is' if len(absent) == 1 else 'they are'} learned",
        )
    ]


def few_or_uneven(rows: Rows) -> list[Finding]:
    """Classes with few training pictures, or far fewer than another."""
    targets = rows.targets[rows.of("train")]
    counts = np.bincount(targets[targets >= 0], minlength=len(rows.classes))
    few = [k for k, count in enumerate(counts.tolist()) if 0 < count < RARE]
    findings = []
    if few:
        names = quoted_list([rows.classes[k] for k in few])
        findings.append(
            Finding(
                kind="rare",
                level="info",
                summary=f"fewer than {RARE} training pictures: {names}",
            )
        )
    present = np.flatnonzero(counts)
    if len(present) and counts.max() > UNEVEN * counts[present].min():
        least, most = present[counts[present].argmin()], int(counts.argmax())
        findings.append(
            Finding(
                kind="uneven",
                level="info",
                summary=f"classes are uneven: {counts[most]:,} training pictures of "
                f"{quoted_list([rows.classes[most]])}, {counts[least]:,} of "
                f"{quoted_list([rows.classes[least]])}; see train.class_weights and train.sampling",
            )
        )
    return findings
