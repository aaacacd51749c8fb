"""The decoded pictures of some rows: a memory-mapped uint8 array, made once, in parallel."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clfw.api.preprocess import Preprocess
from clfw.api.source import Source, Table, row_name
from clfw.data.parallel_decode import CHUNK, decode_rows
from clfw.data.pixel_map import PixelMap
from clfw.errors import DataError, OutputError
from clfw.io import storage
from clfw.io.progress import Advance
from clfw.text import bullet_list, escape

META, PIXELS = "meta.json", "pixels.u8"
SPARE = 16 << 20  # bytes that decoding leaves free on the disk
Faults = Mapping[int, str]  # what is wrong with a picture, by its position


@dataclass(frozen=True, kw_only=True, slots=True)
class PixelStore:
    """Decoded pictures.

    Attributes:
        folder: of the cache.
        pixels: (N, H, W, C) uint8, in the order of the rows asked for; a bad picture is black.
        digest: hash of all pixels.
        faults: why a picture does not decode.
        cached: whether they were in the cache already.
    """

    folder: Path
    pixels: PixelMap
    digest: str
    faults: Faults
    cached: bool

    @property
    def images(self) -> NDArray[np.uint8]:
        """(N, H, W, C) uint8, mapped from the cache."""
        return self.pixels.images


def open_pixels(
    source: Source,
    table: Table,
    rows: NDArray[np.int64],
    preprocess: Preprocess,
    advance: Advance,
    *,
    skip_bad: bool = False,
    name: str = "",
) -> PixelStore:
    """The pictures of `rows`, from the cache or decoded now.

    The cache key is each row's stamp and the decode part of `preprocess`: editing labels decodes
    nothing again. `name` is the data's, shown by `clfw cache`. Bad pictures of a cached store are
    tried again: a file that could not be read may be readable now.

    Raises:
        DataError: lists every picture that does not decode, unless `skip_bad`; nothing is cached
            then.
    """

    def check(faults: Faults) -> None:
        if not skip_bad:
            refuse_bad(by_row(faults, rows), table)

    key = hashlib.sha256(preprocess.decode_part().encode())
    key.update("\0".join([table.versions[row] for row in rows]).encode(errors="surrogateescape"))
    folder = storage.cache_folder("pixels") / key.hexdigest()[:32]
    shape = (len(rows), preprocess.height, preprocess.width, preprocess.channels)
    store = read_store(folder, shape)
    if store is not None and any_decodes_now(source, [*by_row(store.faults, rows)], preprocess):
        store = None
        storage.discard(folder)
    if store is None:
        if folder.exists() and read_store(folder, shape) is None:
            storage.discard(folder)  # damaged, not just finished by another process
        store = write_store(folder, source, rows, preprocess, advance, check, name)
    else:
        storage.touch(folder / META)
    check(store.faults)
    return store


def read_store(folder: Path, shape: tuple[int, ...]) -> PixelStore | None:
    """A finished store; None if it is absent or damaged.

    Mapped before anything else is read, so that it may be deleted from then on.
    """
    try:
        pixels = PixelMap.of(folder / PIXELS, shape)
        meta = json.loads((folder / META).read_text())
        faults = {int(position): str(fault) for position, fault in meta["faults"]}
        digest = str(meta["sha256"])
        return PixelStore(folder=folder, pixels=pixels, digest=digest, faults=faults, cached=True)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def any_decodes_now(source: Source, bad: Sequence[int], preprocess: Preprocess) -> bool:
    """Whether a picture of the rows `bad`, unreadable earlier, can be read now."""
    for start in range(0, len(bad), CHUNK):
        some = np.array(bad[start : start + CHUNK])
        if len(decode_rows(source, some, preprocess, lambda images: None)) < len(some):
            return True
    return False


def write_store(
    folder: Path,
    source: Source,
    rows: NDArray[np.int64],
    preprocess: Preprocess,
    advance: Advance,
    check: Callable[[Faults], None],
    name: str,
) -> PixelStore:
    """Decode into a temporary folder, then rename it; a reader sees all of it or nothing.

    `check` raises where the pictures that do not decode are not to be left out.
    """
    shape = (len(rows), preprocess.height, preprocess.width, preprocess.channels)
    storage.require_free_space(
        folder.parent,
        int(np.prod(shape)) + SPARE,
        "the decoded pictures",
        error=OutputError,
        hint="free some space, or choose another disk with CLFW_CACHE_DIR",
    )
    storage.remove_orphans(folder.parent)
    temporary = folder.parent / storage.unique_name(folder.name)
    try:
        storage.make_folder(temporary)
        with (temporary / PIXELS).open("xb", buffering=0) as file:
            faults, digest = decode_into(file, source, rows, preprocess, advance)
            check(faults)
            os.fsync(file.fileno())
        meta = {
            "data": name,
            "shape": shape,
            "sha256": digest,
            "faults": sorted(faults.items()),
            "decode": preprocess.decode_part(),
        }
        (temporary / META).write_text(json.dumps(meta))
        pixels = PixelMap.of(temporary / PIXELS, shape)
        try:
            os.rename(temporary, folder)
        except OSError:  # another process was faster; its store has the same bytes
            if read_store(folder, shape) is None:
                raise
        return PixelStore(folder=folder, pixels=pixels, digest=digest, faults=faults, cached=False)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror}") from None
    finally:
        storage.try_remove(temporary)


def decode_into(
    file: FileIO,
    source: Source,
    rows: NDArray[np.int64],
    preprocess: Preprocess,
    advance: Advance,
) -> tuple[dict[int, str], str]:
    """Why rows do not decode, by position, and the hash of all pixels.

    Written and hashed chunk by chunk while the next are decoded: a set of any size takes little memory.
    """
    digest = hashlib.sha256()

    def take(images: NDArray[np.uint8]) -> None:
        left = images.reshape(-1).data
        while left:
            left = left[file.write(left) :]
        digest.update(images.data)
        advance(len(images))

    return decode_rows(source, rows, preprocess, take), digest.hexdigest()


def by_row(faults: Faults, rows: NDArray[np.int64]) -> dict[int, str]:
    """`faults` by row number."""
    return {int(rows[position]): fault for position, fault in faults.items()}


def refuse_bad(bad: Mapping[int, str], table: Table) -> None:
    """Raise a `DataError` that lists every bad picture, by row, if there are any."""
    lines = [fault_line(table, row, bad[row]) for row in sorted(bad)]
    if lines:
        raise DataError(
            bullet_list("unreadable pictures", lines),
            hint="repair or remove these files, or leave them out with --on-bad-image skip",
        )


def fault_line(table: Table, row: int, fault: str) -> str:
    """What is wrong with a row's picture, and where the row was declared."""
    name = escape(row_name(table, row), 240)
    return fault if fault.startswith(f"{name}: ") else f"{name}: {fault}"
