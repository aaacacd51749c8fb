"""What is odd about single pictures and files: unreadable, misnamed, transparent, of one colour, strays."""

import numpy as np

from clfw.api.source import SPLITS
from clfw.audit.findings import Finding, named
from clfw.audit.image_scan import ScannedImages
from clfw.data.rows import LEFT_OUT, Rows
from clfw.io.file_tree import kinds_not_read, not_read
from clfw.text import escape, plural

SUFFIXES = {"png": "PNG", "bmp": "BMP", "webp": "WEBP"} | dict.fromkeys(
    ("jpg", "jpeg", "jpe", "jfif"), "JPEG"
)
WIDE = ("I", "I;16", "I;16B", "I;16L")  # Pillow's names of the modes
CLEAR = ("LA", "PA", "RGBA", "RGBa")


def unreadable(examined: ScannedImages, rows: Rows, skipped: bool) -> list[Finding]:
    """Pictures that do not decode. A training reads those of the splits that have labels."""
    bad = tuple(row for row in sorted(examined.faults) if rows.split[row] != LEFT_OUT)
    if not bad:
        return []
    read = {SPLITS.index(split) for split in SPLITS if rows.labeled(split)}
    stops = not skipped and any(int(rows.split[row]) in read for row in bad)
    return [
        Finding(
            kind="unreadable",
            level="stops" if stops else "notable",
            summary=f"{plural(len(bad), 'picture')} cannot be read",
            rows=bad,
            details=tuple(f"{named(rows.table, row)}: {examined.faults[row]}" for row in bad),
        )
    ]


def image_issues(examined: ScannedImages, rows: Rows) -> list[Finding]:
    """Pictures that are not quite what they seem, and what decoding makes of them."""
    pictures = examined.pictures
    form, mode = pictures["form"], pictures["mode"]
    promised = np.array([SUFFIXES.get(suffix, "") for suffix in pictures["suffix"].tolist()])
    there = (form != "") & (rows.split != LEFT_OUT)
    gray = there & (pictures["channels"] == 1)
    color = there & (pictures["channels"] == 3)
    blank = np.isclose(pictures["square"], pictures["mean"] ** 2, rtol=0, atol=1e-9).all(axis=1)
    kinds = {
        "misnamed": (
            there & (promised != "") & (promised != form),
            "whose suffix is of another format",
        ),
        "animated": (
            there & (pictures["frames"] > 1),
            "with several frames, of which the first counts",
        ),
        "transparent": (there & np.isin(mode, CLEAR), "with an alpha channel, which shows white"),
        "wide": (there & np.isin(mode, WIDE), "of 16 bits, scaled to 8"),
        "cmyk": (there & (mode == "CMYK"), "in CMYK, converted to RGB"),
        "bilevel": (there & (mode == "1"), "of one bit, black and white"),
        "turned": (there & pictures["turned"], "turned by Exif, shown upright"),
        "blank": (there & blank, "of one colour alone"),
        "mixed": (gray if color.any() else there & False, "in grey among colour ones"),
    }
    findings = []
    for kind, (mask, what) in kinds.items():
        members = np.flatnonzero(mask).tolist()
        if members:
            told = " is {}" if kind == "misnamed" else ""
            details = [named(rows.table, row) + told.format(form[row]) for row in members]
            findings.append(
                Finding(
                    kind=kind,
                    level="notable",
                    summary=f"{plural(len(members), 'picture')} {what}",
                    rows=tuple(members),
                    details=tuple(details),
                )
            )
    return findings


def unused_files(rows: Rows) -> list[Finding]:
    """Files beside the pictures that are no rows, and no pictures of another kind."""
    others = set(not_read(rows.table.unused_files))
    names = [name for name in rows.table.unused_files if name not in others]
    if not names:
        return []
    return [
        Finding(
            kind="stray",
            level="notable",
            summary=f"{plural(len(names), 'file')} not used",
            details=tuple(escape(name, 200) for name in names),
        )
    ]


def skipped_files(rows: Rows) -> list[Finding]:
    """Pictures of kinds that are not read, and what the reader itself remarks."""
    findings = [
        Finding(kind="remark", level="notable", summary=remark) for remark in rows.table.warnings
    ]
    if names := not_read(rows.table.unused_files):
        findings.append(
            Finding(
                kind="unread",
                level="notable",
                summary=kinds_not_read(names),
                details=tuple(escape(name, 200) for name in names),
            )
        )
    return findings
