"""The check before every training: does anything in the data distort it? Cached."""

import json
from collections.abc import Sequence
from pathlib import Path

from clfw.audit.duplicates import Group, classify_groups, equal_pictures, leaks_and_conflicts
from clfw.audit.findings import Finding
from clfw.audit.image_issues import skipped_files
from clfw.audit.labels import misleading_labels, not_validated
from clfw.data.opening import DecodedImages
from clfw.io.progress import Progress
from clfw.io.storage import cache_folder, touch, write_atomically

VERSION = 2  # increase when the same pictures would be grouped differently
SMALL = 1 << 24  # bytes; comparing fewer is faster than reading a file


def quick_check(pictures: DecodedImages, progress: Progress, name: str = "") -> list[Finding]:
    """What distorts training on these pictures or its metrics, and what is skipped in them."""
    rows = pictures.rows
    found = classify_groups(groups_of_equal(pictures, progress, name), rows)
    return [
        *misleading_labels(rows),
        *leaks_and_conflicts(found, rows),
        *not_validated(rows),
        *skipped_files(rows),
    ]


def groups_of_equal(pictures: DecodedImages, progress: Progress, name: str) -> list[Group]:
    """The groups of equal pictures, from the cache or found now.

    Only row numbers are cached, by the fingerprint. `name` is the data's, shown by `clfw cache`.
    """
    images, pixels = pictures.images, pictures.pixels
    path = cache_folder("duplicates") / f"{pictures.fingerprint[:32]}-{VERSION}.json"
    known = stored_groups(path) if images.nbytes > SMALL else None
    if known is not None:
        return known
    bar = progress("comparing", len(images))

    def seen(count: int) -> None:
        pixels.forget()  # the set may be larger than memory
        bar.advance(count)

    try:
        found = equal_pictures(images, pictures.numbers, seen)
    finally:
        bar.close()
    if images.nbytes > SMALL:
        content = {"data": name, "groups": found}  # data first, where `clfw.data.caches` looks
        write_atomically(path, json.dumps(content, separators=(",", ":")).encode())
    return found


def stored_groups(path: Path) -> list[Group] | None:
    """The groups of a cache file; None if it is absent or damaged."""
    try:
        groups = [tuple(map(int, group)) for group in json.loads(path.read_bytes())["groups"]]
        touch(path)
        return groups
    except (OSError, ValueError, TypeError, KeyError):
        return None


def warnings_of(findings: Sequence[Finding], data: str) -> list[str]:
    """Lines for whoever starts a run: each finding with its first example, and where to see the rest.

    `data` is its name on the command line.
    """
    if not findings:
        return []
    lines = [
        f"warning: {finding.summary}{f': {finding.details[0]}' if finding.details else ''}"
        for finding in findings
    ]
    return [*lines, f"note    more, and a list of rows to exclude: clfw data check {data}"]
