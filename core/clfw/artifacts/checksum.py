"""The checksum of a weights file: a SHA-256 of everything else in it, inside its metadata. No torch.

Files of format 1 have none, and load unverified.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from clfw.errors import DataError
from clfw.io.json_text import canonical_json, strict_json
from clfw.text import escape

KEY = "clfw"  # of our JSON in the metadata
CHECKSUM = "sha256"
FORMAT = 2
FORMAT_WITHOUT_CHECKSUM = 1  # the previous format


def checksummed(header: bytes, payload: Iterable[bytes | memoryview]) -> str:
    """The JSON in `header` under `KEY`, with the checksum of this header and payload."""
    parsed = strict_json(header)
    facts: dict[str, Any] = strict_json(parsed["__metadata__"].pop(KEY))
    facts.pop(CHECKSUM, None)
    digest = hashlib.sha256(canonical_json([facts, parsed]).encode())
    for part in payload:
        digest.update(part)
    return canonical_json({**facts, CHECKSUM: digest.hexdigest()})


def metadata_of(facts: dict[str, Any]) -> str:
    """The JSON of a file to be written, with a placeholder that `insert_checksum` fills."""
    return canonical_json({"format": FORMAT, **facts, CHECKSUM: "0" * 64})


def insert_checksum(header: bytes, payload: Iterable[bytes | memoryview]) -> bytes:
    """The header made with `metadata_of`, of the same length, with the checksum of its file."""
    draft = json.dumps(strict_json(header)["__metadata__"][KEY]).encode()
    assert header.count(draft) == 1  # safetensors escapes JSON as `json` does
    return header.replace(draft, json.dumps(checksummed(header, payload)).encode())


def verify_checksum(
    header: bytes, payload: Iterable[bytes | memoryview], where: str, hint: str = ""
) -> None:
    """Raise `DataError` unless a file matches its checksum; a format without one passes.

    The header has been checked before; an unknown format is refused by the reader of the metadata.
    """
    stated = strict_json(header).get("__metadata__", {}).get(KEY, "null")
    try:
        facts = strict_json(stated)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: damaged header: {escape(str(error))}") from None
    if not isinstance(facts, dict) or facts.get("format") not in (FORMAT_WITHOUT_CHECKSUM, FORMAT):
        return
    if facts["format"] == FORMAT_WITHOUT_CHECKSUM and CHECKSUM not in facts:
        return
    now = checksummed(header, payload)
    if now != stated:
        found, stated_sum = strict_json(now)[CHECKSUM], escape(str(facts.get(CHECKSUM)), 200)
        raise DataError(
            f"{where}: damaged: its content has the SHA-256 {found[:12]}, its header says {stated_sum[:12]}",
            hint=hint,
        )
