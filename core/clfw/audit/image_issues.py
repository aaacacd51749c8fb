"""Issues of single pictures and files: unreadable, misnamed, transparent, blank, not used."""

import numpy as np

from clfw.api.source import SPLITS
from clfw.audit.findings import Finding, describe_row
from clfw.audit.image_scan import ScannedImages
from clfw.data.rows import LEFT_OUT, Rows
from clfw.io.file_tree import unsupported_images, unsupported_images_line
from clfw.text import escape, plural

SUFFIXES = {"png": "PNG", "bmp": "BMP", "webp": "WEBP"} | dict.fromkeys(
    ("jpg", "jpeg", "jpe", "jfif"), "JPEG"
)
WIDE = ("I", "I;16", "I;16B", "I;16L")  # Pillow's names of modes
ALPHA = ("LA", "PA", "RGBA", "RGBa")


def unreadable(scan: ScannedImages, rows: Rows, skipped: bool) -> list[Finding]:
    """Pictures that do not decode; an error where training reads them, in splits with labels."""
    bad = tuple(row for row in sorted(scan.faults) if rows.split[row] != LEFT_OUT)
    if not bad:
        return []
    read = {SPLITS.index(split) for split in SPLITS if rows.labeled(split)}
    stops = not skipped and any(int(rows.split[row]) in read for row in bad)
    return [
        Finding(
            kind="unreadable",
            level="error" if stops else "info",
            summary=f"{plural(len(bad), 'picture')} cannot be read",
            rows=bad,
            details=tuple(f"{describe_row(rows.table, row)}: {scan.faults[row]}" for row in bad),
        )
    ]


def image_issues(scan: ScannedImages, rows: Rows) -> list[Finding]:
    """Pictures in unusual formats, and what decoding makes of them."""
    pictures = scan.pictures
    form, mode = pictures["form"], pictures["mode"]
    expected = np.array([SUFFIXES.get(suffix, "") for suffix in pictures["suffix"].tolist()])
    readable = (form != "") & (rows.split != LEFT_OUT)
    gray = readable & (pictures["channels"] == 1)
    color = readable & (pictures["channels"] == 3)
    blank = np.isclose(pictures["square"], pictures["mean"] ** 2, rtol=0, atol=1e-9).all(axis=1)
    kinds = {
        "misnamed": (
            readable & (expected != "") & (expected != form),
            "with the suffix of another format",
        ),
        "animated": (
            readable & (pictures["frames"] > 1),
            "with several frames, of which only the first is used",
        ),
        "transparent": (readable & np.isin(mode, ALPHA), "with an alpha channel, shown on white"),
        "wide": (readable & np.isin(mode, WIDE), "with 16 bits, scaled to 8"),
        "cmyk": (readable & (mode == "CMYK"), "in CMYK, converted to RGB"),
        "bilevel": (readable & (mode == "1"), "with 1 bit, black and white"),
        "turned": (readable & pictures["turned"], "rotated by Exif, shown upright"),
        "blank": (readable & blank, "of a single colour"),
        "mixed": (gray if color.any() else readable & False, "in grey among colour pictures"),
    }
    findings = []
    for kind, (mask, what) in kinds.items():
        members = np.flatnonzero(mask).tolist()
        if members:
            suffix = " is {}" if kind == "misnamed" else ""
            details = [describe_row(rows.table, row) + suffix.format(form[row]) for row in members]
            findings.append(
                Finding(
                    kind=kind,
                    level="info",
                    summary=f"{plural(len(members), 'picture')} {what}",
                    rows=tuple(members),
                    details=tuple(details),
                )
            )
    return findings


def unused_files(rows: Rows) -> list[Finding]:
    """Files that are no rows, other than images in unsupported formats."""
    others = set(unsupported_images(rows.table.unused_files))
    names = [name for name in rows.table.unused_files if name not in others]
    if not names:
        return []
    return [
        Finding(
            kind="stray",
            level="info",
            summary=f"{plural(len(names), 'file')} not used",
            details=tuple(escape(name, 200) for name in names),
        )
    ]


def skipped_files(rows: Rows) -> list[Finding]:
    """Images in unsupported formats, and the warnings of the reader."""
    findings = [
        Finding(kind="remark", level="info", summary=remark) for remark in rows.table.warnings
    ]
    if names := unsupported_images(rows.table.unused_files):
        findings.append(
            Finding(
                kind="unread",
                level="info",
                summary=unsupported_images_line(names),
                details=tuple(escape(name, 200) for name in names),
            )
        )
    return findings
