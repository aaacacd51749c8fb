"""A file that can be fetched, as a registry describes it, and whether a local file is that file."""

import gzip
import hashlib
import zlib
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated, Any, BinaryIO, Literal

from pydantic import Field, StringConstraints, field_validator

from clfw.api.params import Layer, Params, resolve
from clfw.catalog.registry import Entry
from clfw.errors import UsageError
from clfw.text import escape

PICKLES = frozenset({".pth", ".pt", ".pkl", ".pickle", ".ckpt"})
CHUNK = 1 << 20  # bytes

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Form = Literal["published", "repacked", "unpacked"]


class Remote(Params):
    """One table of an entry's `fetch` list."""

    file: str = Field(description="name under the data or weights folder, with forward slashes")
    urls: tuple[str, ...] = Field(min_length=1, description="https URLs, tried in order")
    sha256: Digest = Field(description="checksum of the file as published")
    bytes: int | None = Field(
        None, ge=1, description="size as published, bytes; at most 8 GB is accepted if absent"
    )
    unpacked_sha256: Digest | None = Field(
        None,
        description="checksum of the content of a .gz, so that a recompressed copy is recognized",
    )

    @field_validator("file")
    @classmethod
    def _stays_inside(cls, name: str) -> str:
        parts = name.split("/")
        if any(part in ("", ".", "..") or part.startswith(".") for part in parts):
            raise ValueError("the name must stay inside its folder and have no hidden part")
        if not name.isprintable() or any(c in '\\:*?"<>|' for c in name):
            raise ValueError("the name must not contain characters that some systems forbid")
        return name

    @property
    def name(self) -> str:
        """The last part of `file`."""
        return PurePosixPath(self.file).name

    @property
    def is_archive(self) -> bool:
        """Whether it is a whole dataset in one zip, which a mirror may have packed differently."""
        return self.file.endswith(".zip")


def remotes_of(entry: Entry, schemes: frozenset[str]) -> tuple[Remote, ...]:
    """The files that an entry lists to fetch; () if none.

    Raises:
        UsageError: a malformed table, or a URL with a scheme not in `schemes`.
    """
    found = []
    required = {key for key, field in Remote.model_fields.items() if field.is_required()}
    for number, table in enumerate(entry.fields.get("fetch", [])):
        origin = f"registry ({entry.origin})"
        where = f"{entry.section}.{entry.name}.fetch[{number}]"
        missing = sorted(required - set(table)) if isinstance(table, Mapping) else ["a table"]
        if missing:
            raise UsageError(f"{origin}: {where}: needs {' and '.join(missing)}")
        remote = resolve(Remote, [Layer(origin, table)], where).params
        for url in remote.urls:
            if url.partition("://")[0] not in schemes:
                raise UsageError(
                    f"{origin}: {where}.urls: '{escape(url)}' is not https",
                    hint="clfw fetches only over https",
                )
        found.append(remote)
    if len({remote.file for remote in found}) != len(found):
        raise UsageError(f"registry ({entry.origin}): {entry.name}: fetch names a file twice")
    return tuple(found)


def sha256_of(stream: Any) -> str:
    """The SHA-256 of the rest of a binary stream."""
    digest = hashlib.sha256()
    while chunk := stream.read(CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def form_of(stream: BinaryIO, remote: Remote) -> tuple[Form | None, str]:
    """In which form `stream` has the remote file's content, None if it does not; and its SHA-256."""
    seen = sha256_of(stream)
    if seen == remote.sha256:
        return "published", seen
    if remote.unpacked_sha256 is not None:
        if seen == remote.unpacked_sha256:
            return "unpacked", seen
        stream.seek(0)
        if stream.read(2) == b"\x1f\x8b":
            stream.seek(0)
            if _unpacked_sha256(stream) == remote.unpacked_sha256:
                return "repacked", seen
    return None, seen


def _unpacked_sha256(stream: BinaryIO) -> str:
    try:
        return sha256_of(gzip.GzipFile(fileobj=stream))
    except (OSError, EOFError, zlib.error):  # damaged, so it is not the file
        return ""
