"""The seal of a weights file: a SHA-256 of all the rest of it, inside its own description. No torch.

Files of format 1 have none, and load as they are.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from clfw.errors import DataError
from clfw.io.json_text import canonical_json, strict_json
from clfw.text import escape

KEY = "clfw"  # of the description among the metadata
CHECKSUM = "sha256"
FORMAT = 2
UNSET = 1  # the format before


def checksummed(header: bytes, payload: Iterable[bytes | memoryview]) -> str:
    """The description that stands in `header`, with the seal of a file that is as this one."""
    parsed = strict_json(header)
    facts: dict[str, Any] = strict_json(parsed["__metadata__"].pop(KEY))
    facts.pop(CHECKSUM, None)
    digest = hashlib.sha256(canonical_json([facts, parsed]).encode())
    for part in payload:
        digest.update(part)
    return canonical_json({**facts, CHECKSUM: digest.hexdigest()})


def metadata_of(facts: dict[str, Any]) -> str:
    """The description of a file to be, with the place that `with_seal` puts the seal into."""
    return canonical_json({"format": FORMAT, **facts, CHECKSUM: "0" * 64})


def insert_checksum(header: bytes, payload: Iterable[bytes | memoryview]) -> bytes:
    """A header that was made with `described`, as long as before, with the seal of its file."""
    draft = json.dumps(strict_json(header)["__metadata__"][KEY]).encode()
    assert header.count(draft) == 1  # by safetensors, which escapes JSON as `json` does
    return header.replace(draft, json.dumps(checksummed(header, payload)).encode())


def verify_checksum(
    header: bytes, payload: Iterable[bytes | memoryview], where: str, hint: str = ""
) -> None:
    """Raise `DataError` unless a file is as it was sealed; takes any whose format has no seal here.

    The header has been checked before; a format of the future is for the reader of the facts.
    """
    stated = strict_json(header).get("__metadata__", {}).get(KEY, "null")
    try:
        facts = strict_json(stated)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: damaged header: {escape(str(error))}") from None
    if not isinstance(facts, dict) or facts.get("format") not in (UNSET, FORMAT):
        return
    if facts["format"] == UNSET and CHECKSUM not in facts:
        return
    now = checksummed(header, payload)
    if now != stated:
        found, noted = strict_json(now)[CHECKSUM], escape(str(facts.get(CHECKSUM)), 200)
        raise DataError(
            f"{where}: damaged: its content has the SHA-256 {found[:12]}, and it says {noted[:12]}",
            hint=hint,
        )
