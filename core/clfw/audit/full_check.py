"""Everything that may be wrong with a dataset, in one pass: what `clfw data check` reports."""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from clfw.api.source import SPLITS, Table
from clfw.audit.duplicates import (
    Group,
    classify_groups,
    groups_of,
    leaks_and_conflicts,
    redundant_rows,
    repeated_images,
)
from clfw.audit.findings import Finding
from clfw.audit.image_issues import image_issues, skipped_files, unreadable, unused_files
from clfw.audit.image_scan import ScannedImages, rows_by, scan_images
from clfw.audit.labels import few_or_uneven, misleading_labels, not_validated
from clfw.audit.near_duplicates import near_duplicates
from clfw.config.data_choice import DataChoice
from clfw.data.exclusion import ExcludeLine, exclude_lines
from clfw.data.opening import excluded_by_list, open_table
from clfw.data.rows import LEFT_OUT, Rows, check_rows, natural_key, refuse_untrainable
from clfw.errors import ClfwError, DataError
from clfw.io.progress import Progress


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckReport:
    """What was found.

    Attributes:
        rows: None if the table cannot be read at all.
        scan: its pictures, including those of rows that are left out.
        groups: rows of equal pictures.
    """

    findings: tuple[Finding, ...]
    rows: Rows | None = None
    scan: ScannedImages | None = None
    groups: tuple[Group, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether training would run, and its results could be trusted."""
        return all(finding.level == "info" for finding in self.findings)

    def exclusions(self) -> list[ExcludeLine]:
        """An exclude list: rows left out already, unreadable ones, duplicates.

        Without rows whose key is not unique, which a list could not name.
        """
        if self.rows is None or self.scan is None:
            return []
        bad = {row: f"cannot be read: {fault}" for row, fault in self.scan.faults.items()}
        unreadable_rows = {row: " ".join(reason.split()) for row, reason in bad.items()}
        found = {**redundant_rows(self.groups, self.rows), **unreadable_rows, **self.rows.left_out}
        table = self.rows.table
        key_counts = Counter(zip(table.keys, table.splits, strict=True))
        nameable = {
            row: reason
            for row, reason in found.items()
            if key_counts[table.keys[row], table.splits[row]] == 1
        }
        return exclude_lines(table, nameable)


def full_check(choice: DataChoice, near: bool, progress: Progress) -> CheckReport:
    """Check every row and every picture of a dataset.

    Raises:
        InputMissing, PluginError, UsageError: it cannot be read.
    """
    try:
        source, table = open_table(choice)
    except DataError as error:
        return CheckReport(findings=(error_finding("table", error),))
    rows, findings = rows_and_faults(choice, table)
    bar = progress("checking", len(table.keys))
    try:
        scan = scan_images(source, table, bar.advance, choice.entry)
    finally:
        bar.close()
    sound = np.flatnonzero((scan.pictures["form"] != "") & (rows.split != LEFT_OUT)).tolist()
    groups = groups_of(rows_by(scan.pictures["pixels"], sound))
    found = classify_groups(groups, rows)
    findings += [
        *unreadable(scan, rows, choice.common.on_bad_image == "skip"),
        *misleading_labels(rows),
        *leaks_and_conflicts(found, rows),
        *repeated_images(found, rows),
        *(near_duplicates(scan, rows) if near else []),
        *not_validated(rows),
        *few_or_uneven(rows),
        *image_issues(scan, rows),
        *skipped_files(rows),
        *unused_files(rows),
    ]
    return CheckReport(findings=tuple(findings), rows=rows, scan=scan, groups=tuple(groups))


def rows_and_faults(choice: DataChoice, table: Table) -> tuple[Rows, list[Finding]]:
    """The checked rows and what would stop training on them; rows as declared if the checks fail."""
    left_out = excluded_by_list(choice, table)
    try:
        rows = check_rows(table, choice.common, left_out)
    except DataError as error:
        return declared_rows(table, left_out), [error_finding("rows", error)]
    try:
        refuse_untrainable(rows)
    except DataError as error:
        return rows, [error_finding("training", error)]
    return rows, []


def declared_rows(table: Table, left_out: dict[int, str]) -> Rows:
    """The rows without checks: every label a class, the splits as declared."""
    labels = {label for label in table.labels if label is not None}
    names = tuple(sorted(map(str, labels), key=natural_key))
    number: dict[str | None, int] = {name: k for k, name in enumerate(names)}
    split = np.array([SPLITS.index(split) for split in table.splits], np.uint8)
    split[list(left_out)] = LEFT_OUT
    return Rows(
        table=replace(table, class_names=()),
        classes=names,
        class_values=names,
        targets=np.array([number.get(label, -1) for label in table.labels], np.int64),
        split=split,
        left_out=left_out,
    )


def error_finding(kind: str, error: ClfwError) -> Finding:
    """The finding for an error that would stop training."""
    first, *more = error.message.splitlines()
    details = tuple(line.strip() for line in more)
    remedy = error.hint if error.hint != error.default_hint else ""
    summary = first.removesuffix(":")
    return Finding(kind=kind, level="error", summary=summary, details=details, remedy=remedy)
