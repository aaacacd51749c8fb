"""What runs by itself before every training: is anything in the data that falsifies it? Cached."""

import json
from collections.abc import Sequence
from pathlib import Path

from clfw.audit.duplicates import Group, correctness, equal_pictures, sort_out
from clfw.audit.findings import Finding
from clfw.audit.image_issues import skipped_files
from clfw.audit.labels import misleading_labels, not_validated
from clfw.data.opening import DecodedImages
from clfw.io.progress import Progress
from clfw.io.storage import cache_folder, touch, write_atomically

VERSION = 2  # raise when the same pictures would be grouped otherwise
QUICK = 1 << 24  # bytes; comparing fewer takes less time than a file does


def quick_check(pictures: DecodedImages, progress: Progress, name: str = "") -> list[Finding]:
    """What falsifies a training on these pictures, or its figures, and what is passed over in them."""
    rows = pictures.rows
    found = sort_out(groups_of_equal(pictures, progress, name), rows)
    return [
        *misleading_labels(rows),
        *correctness(found, rows),
        *not_validated(rows),
        *skipped_files(rows),
    ]


def groups_of_equal(pictures: DecodedImages, progress: Progress, name: str) -> list[Group]:
    """The groups of equal pictures, from an earlier day or found now.

    Row numbers alone are kept, which the fingerprint decides; what is said of them is said anew.
    `name` is the data's, for those who look into the cache.
    """
    images, pixels = pictures.images, pictures.pixels
    path = cache_folder("duplicates") / f"{pictures.fingerprint[:32]}-{VERSION}.json"
    known = stored_groups(path) if images.nbytes > QUICK else None
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
    if images.nbytes > QUICK:
        kept = {"data": name, "groups": found}  # the data first, as `clfw.data.caches` looks for it
        write_atomically(path, json.dumps(kept, separators=(",", ":")).encode())
    return found


def stored_groups(path: Path) -> list[Group] | None:
    """The groups that a file holds; None for none or a damaged one."""
    try:
        groups = [tuple(map(int, group)) for group in json.loads(path.read_bytes())["groups"]]
        touch(path)
        return groups
    except (OSError, ValueError, TypeError, KeyError):
        return None


def warnings_of(findings: Sequence[Finding], data: str) -> list[str]:
    """A line each for the person who starts a run, with the first example, and where the rest is.

    `data` is what names it on a command line.
    """
    if not findings:
        return []
    lines = [
        f"warning: {finding.summary}{f': {finding.details[0]}' if finding.details else ''}"
        for finding in findings
    ]
    return [*lines, f"note    these and more, and a list to leave rows out: clfw data check {data}"]
