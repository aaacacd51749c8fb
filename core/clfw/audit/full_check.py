"""Everything that may be wrong with a dataset, looked for at once: what `clfw data check` tells."""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from clfw.api.source import SPLITS, Table
from clfw.audit.duplicates import Group, correctness, groups_of, repetitions, sort_out, surplus
from clfw.audit.findings import Finding
from clfw.audit.image_issues import image_issues, skipped_files, unreadable, unused_files
from clfw.audit.image_scan import ScannedImages, rows_by, scan_images
from clfw.audit.labels import few_or_uneven, misleading_labels, not_validated
from clfw.audit.near_duplicates import near_duplicates
from clfw.config.data_choice import DataChoice
from clfw.data.exclusion import Line, list_of
from clfw.data.opening import named_rows, open_table
from clfw.data.rows import LEFT_OUT, Rows, check_rows, natural_key, refuse_untrainable
from clfw.errors import ClfwError, DataError
from clfw.io.progress import Progress


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckReport:
    """What was found.

    Attributes:
        rows: None where the table cannot be read at all.
        examined: its pictures, of the rows that are left out too.
        groups: rows of equal pictures.
    """

    findings: tuple[Finding, ...]
    rows: Rows | None = None
    examined: ScannedImages | None = None
    groups: tuple[Group, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether a training would run, and mean what it seems to."""
        return all(finding.level == "notable" for finding in self.findings)

    def exclusions(self) -> list[Line]:
        """An exclude list: what is left out already, what cannot be read, what stands twice.

        Not a row that shares its key, which no list could name.
        """
        if self.rows is None or self.examined is None:
            return []
        bad = {row: f"cannot be read: {fault}" for row, fault in self.examined.faults.items()}
        told = {row: " ".join(reason.split()) for row, reason in bad.items()}
        found = {**surplus(self.groups, self.rows), **told, **self.rows.left_out}
        table = self.rows.table
        bearers = Counter(zip(table.keys, table.splits, strict=True))
        nameable = {
            row: reason
            for row, reason in found.items()
            if bearers[table.keys[row], table.splits[row]] == 1
        }
        return list_of(table, nameable)


def full_check(choice: DataChoice, near: bool, progress: Progress) -> CheckReport:
    """Look at every row and every picture of a dataset.

    Raises:
        InputMissing, PluginError, UsageError: it cannot be looked at.
    """
    try:
        source, table = open_table(choice)
    except DataError as error:
        return CheckReport(findings=(stopping("table", error),))
    rows, findings = rows_and_faults(choice, table)
    bar = progress("looking", len(table.keys))
    try:
        examined = scan_images(source, table, bar.advance, choice.entry)
    finally:
        bar.close()
    sound = np.flatnonzero((examined.pictures["form"] != "") & (rows.split != LEFT_OUT)).tolist()
    groups = groups_of(rows_by(examined.pictures["pixels"], sound))
    found = sort_out(groups, rows)
    findings += [
        *unreadable(examined, rows, choice.common.on_bad_image == "skip"),
        *misleading_labels(rows),
        *correctness(found, rows),
        *repetitions(found, rows),
        *(near_duplicates(examined, rows) if near else []),
        *not_validated(rows),
        *few_or_uneven(rows),
        *image_issues(examined, rows),
        *skipped_files(rows),
        *unused_files(rows),
    ]
    return CheckReport(findings=tuple(findings), rows=rows, examined=examined, groups=tuple(groups))


def rows_and_faults(choice: DataChoice, table: Table) -> tuple[Rows, list[Finding]]:
    """The checked rows and what stops a training on them; as they are declared where that fails."""
    left_out = named_rows(choice, table)
    try:
        rows = check_rows(table, choice.common, left_out)
    except DataError as error:
        return declared_rows(table, left_out), [stopping("rows", error)]
    try:
        refuse_untrainable(rows)
    except DataError as error:
        return rows, [stopping("training", error)]
    return rows, []


def declared_rows(table: Table, left_out: dict[int, str]) -> Rows:
    """The rows without any check: every label a class, the splits as they are declared."""
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


def stopping(kind: str, error: ClfwError) -> Finding:
    """An error that a training would end with."""
    first, *more = error.message.splitlines()
    details = tuple(line.strip() for line in more)
    remedy = error.hint if error.hint != error.advice else ""
    summary = first.removesuffix(":")
    return Finding(kind=kind, level="stops", summary=summary, details=details, remedy=remedy)
