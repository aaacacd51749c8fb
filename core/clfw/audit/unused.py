"""What a reader passed over or took otherwise than it stands: said before a training too."""

from clfw.audit.findings import Finding
from clfw.data.rows import Rows
from clfw.errors import printable
from clfw.filetree import kinds_not_read, not_read


def passed_over(rows: Rows) -> list[Finding]:
    """Pictures of kinds that are not read, and what the reader itself remarks."""
    findings = [
        Finding(kind="remark", level="notable", summary=remark) for remark in rows.table.remarks
    ]
    if names := not_read(rows.table.strays):
        findings.append(
            Finding(
                kind="unread",
                level="notable",
                summary=kinds_not_read(names),
                details=tuple(printable(name, 200) for name in names),
            )
        )
    return findings
