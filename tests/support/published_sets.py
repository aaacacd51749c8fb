"""Tiny datasets as their publishers would offer them, with registries that name where they are."""

import gzip
import json
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clfw.catalog.registry import read_registry
from clfw.fetch.collect import Console
from clfw.fetch.entry import Fetched, fetch
from clfw.plugins.manager import installed_catalog
from mirrors import PLAIN, Mirror, sha256, whole
from tiny_sets import bar, write_bars

TRAIN, TEST = 12, 6
LABELS = np.arange(TRAIN, dtype=np.uint8) % 3
TRAIN_PICTURES = np.stack([bar(row % 3, row) for row in range(TRAIN)])
TEST_PICTURES = np.stack([bar(row % 3, 100 + row) for row in range(TEST)])


def idx(array: NDArray[np.uint8]) -> bytes:
    """The array as an IDX file."""
    head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.tobytes()


UNPACKED = {
    "train-images-idx3-ubyte": idx(TRAIN_PICTURES),
    "train-labels-idx1-ubyte": idx(LABELS),
    "t10k-images-idx3-ubyte": idx(TEST_PICTURES),
    "t10k-labels-idx1-ubyte": idx(LABELS[:TEST]),
}
PACKED = {f"{name}.gz": gzip.compress(data, mtime=0) for name, data in UNPACKED.items()}
DIGITS = {f"tiny/{name}": data for name, data in PACKED.items()}


@dataclass(frozen=True)
class Shop:
    """A mirror with tiny sets, and the registry that sends people there."""

    mirror: Mirror
    registry: Path

    def fetch(self, name: str, **options: object) -> Fetched:
        """`clfw.fetch.entry.fetch` over plain http."""
        options.setdefault("network", PLAIN)
        return fetch(name, installed_catalog(()), read_registry(self.registry), **options)


def table(section: str, file: str, data: bytes, *urls: str) -> str:
    """One table of a `fetch` list."""
    lines = [f"[[{section}.fetch]]", f"file = {json.dumps(file)}", f"urls = {json.dumps(urls)}"]
    lines += [f'sha256 = "{sha256(data)}"', f"bytes = {len(data)}"]
    if file.endswith(".gz"):
        lines.append(f'unpacked_sha256 = "{sha256(gzip.decompress(data))}"')
    return "\n".join(lines) + "\n"


def open_shop(mirror: Mirror, folder: Path) -> Shop:
    """Entries `tiny` (IDX files), `listed` (made of IDX files), `packed` (a zip), `net` (weights)."""
    parts = ['[data.tiny]\ncomponent = "idx_files"\nsample = "drawn_digits"\n']
    for name, data in DIGITS.items():
        parts.append(table("data.tiny", name, data, mirror.put(f"/{name}", whole(data))))
    parts.append('[data.listed]\ncomponent = "csv_images"\nconvert = "listed.zip"\n')
    for name, data in list(PACKED.items())[:3]:
        parts.append(table("data.listed", name, data, mirror.put(f"/{name}", whole(data))))
    bars = (zip_bars(folder / "bars.zip")).read_bytes()
    parts.append('[data.packed]\ncomponent = "csv_images"\n')
    parts.append(table("data.packed", "packed.zip", bars, mirror.put("/bars.zip", whole(bars))))
    parts.append('[models.net]\ncomponent = "fashion_cnn"\n')
    weights = WEIGHTS
    url = mirror.put("/net.safetensors", whole(weights))
    parts.append(table("models.net", "net.safetensors", weights, url))
    registry = folder / "shop.toml"
    registry.write_text("\n".join(parts))
    return Shop(mirror, registry)


WEIGHTS = struct.pack("<Q", 2) + b"{}"


def zip_bars(path: Path) -> Path:
    """Tiny bars with their lists in a zip."""
    folder = write_bars(path.with_suffix(""))
    with zipfile.ZipFile(path, "w") as packed:
        for file in sorted(folder.rglob("*")):
            packed.write(file, file.relative_to(folder.parent))
    return path


def write_files(folder: Path, files: dict[str, bytes]) -> Path:
    """The files in a folder."""
    for name, data in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return folder


class Heard:
    """A report that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.report = Console(say=self.lines.append)


class NoLock:
    """A lock that does nothing, as on some network disks."""

    def __init__(self, path: Path) -> None:
        pass

    def acquire(self, timeout: float) -> None:
        pass

    def release(self) -> None:
        pass
