"""Whether files are the IDX files of pictures and labels. Reads names and headers alone."""

import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clfw import DataError, Detected
from clfw.api import GZIP_MAGIC, FileTree, escape, is_stray
from clfw_plugins.idx_files.params import IdxFilesParams

ROLES = {
    "train_images": ("train", "images"),
    "train_labels": ("train", "labels"),
    "test_images": ("t10k", "images"),
    "test_labels": ("t10k", "labels"),
}
OTHER_TEST = "test"  # what some sets write for t10k


def detect_idx(path: Path, tree: FileTree, given: Mapping[str, Any]) -> Detected | None:
    """A file of training pictures and one of their labels, by the words in their names."""
    named = [n for n in tree.names() if "idx" in n.rpartition("/")[2] and not is_stray(n)]
    found = {role: files_for(words, named) for role, words in ROLES.items()}
    if not found["train_images"] or not found["train_labels"]:
        return None
    values = {}
    for role, files in found.items():
        if role in given:
            continue
        if len(files) > 1:
            listed = ", ".join(f"'{escape(name, 60)}'" for name in files[:6])
            raise DataError(
                f"{tree.label}: {len(files)} files could be {role}: {listed}",
                hint=f"choose one with --set data.{role}=FILE",
            )
        if files and not is_usual(files[0], role):
            values[role] = files[0]
    counts = [
        count_in(tree, files[0]) for role, files in found.items() if files and "images" in role
    ]
    pictures = " train, ".join(f"{count:,}" for count in counts)
    return Detected(
        values=values,
        seen=f"IDX files ({pictures} {'test' if len(counts) > 1 else 'train'} pictures)",
    )


def files_for(words: tuple[str, str], names: list[str]) -> list[str]:
    """The files whose names hold both words; a packed one is passed over beside its unpacked twin."""
    split, what = words
    splits = (split, OTHER_TEST) if split == "t10k" else (split,)
    last = {name: name.rpartition("/")[2].lower() for name in names}
    found = [n for n in names if what in last[n] and any(word in last[n] for word in splits)]
    return [n for n in found if n.removesuffix(".gz") == n or n.removesuffix(".gz") not in found]


def is_usual(name: str, role: str) -> bool:
    """Whether the reader looks for that name by itself."""
    usual = str(IdxFilesParams.model_fields[role].default)
    plain = name.rpartition("/")[2].removesuffix(".gz")
    return plain in (usual, usual.replace("-idx", ".idx"))


def count_in(tree: FileTree, name: str) -> int:
    """The number of pictures that a file's header states; 0 where it is damaged."""
    head = tree.head(name, 512)
    try:
        plain = zlib.decompressobj(31).decompress(head, 8) if head[:2] == GZIP_MAGIC else head
        return int(struct.unpack(">4xI", plain[:8])[0])
    except (zlib.error, struct.error):
        return 0
