"""One file from its mirrors to disk: bounded, resumed, checked by its sha256.

Mirrors are tried in order. One that cannot serve the file is dropped; one that fails temporarily is
tried again after a pause. If all fail, the partial file stays on disk and the next call continues it.
"""

import json
import os
import re
import time
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPResponse
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from clfw.errors import DataError, StorageError
from clfw.fetch.http import MirrorFault, Network, RangeRefused, connected
from clfw.fetch.remote import Remote, sha256_of
from clfw.io.progress import Advance
from clfw.text import escape

CHUNK = 1 << 16  # bytes read from a connection at a time
MAX_SIZE = 8_000_000_000  # bytes of a file whose size is not in the registry
Say = Callable[[str], None]


class WrongContent(MirrorFault):
    """The mirror has a different file."""


def download(remote: Remote, part: Path, network: Network, advance: Advance, say: Say) -> str:
    """Download `remote` to `part`, continuing a partial file; returns the URL that it came from.

    Args:
        advance: told how many more bytes have arrived; negative where a transfer starts over.

    Raises:
        DataError: what arrived is not the file that the registry describes.
        StorageError: no mirror could be reached, or the disk failed; `part` is kept.
    """
    transfer = Transfer(remote, part, network, advance)
    mirrors = list(remote.urls)
    faults: dict[str, MirrorFault] = {}
    idle = 0
    while mirrors and idle < network.rounds:
        if idle:
            pause = network.pause * 2 ** (idle - 1)
            say(f"trying again in {pause:g} s")
            time.sleep(pause)
        most = transfer.most
        for url in tuple(mirrors):
            try:
                transfer.run(url)
                transfer.check()
                return url
            except MirrorFault as fault:
                if str(fault) != str(faults.get(url)):
                    say(f"warning: {escape(url, 200)}: {fault}")
                faults[url] = fault
                if fault.final:
                    mirrors.remove(url)
        idle = 0 if transfer.most > most else idle + 1
    raise failure(remote, faults)


def failure(remote: Remote, faults: dict[str, MirrorFault]) -> DataError | StorageError:
    """The error that says how each mirror failed."""
    reasons = "; ".join(f"{urlsplit(url).netloc}: {fault}" for url, fault in faults.items())
    message = f"{remote.file}: {reasons}"
    if any(isinstance(fault, WrongContent) for fault in faults.values()):
        return DataError(message, hint="try again later, or give a local copy with --from PATH")
    return StorageError(
        message,
        hint="try again, it continues where it stopped; or give a local copy with --from PATH",
    )


class Transfer:
    """Fills one partial file, over as many connections as it takes."""

    def __init__(self, remote: Remote, part: Path, network: Network, advance: Advance) -> None:
        self._remote = remote
        self._part = part
        self._validator_file = part.with_name(f"{part.name}.json")
        self._network = network
        self._advance = advance
        self._total = remote.bytes  # or what the first response says
        self._single_connection = False
        self._at = self.most = 0
        self._move(part.stat().st_size if part.exists() else 0)

    def run(self, url: str) -> None:
        """One connection: append what the partial file lacks."""
        if self._at > (self._total or MAX_SIZE):
            self._start_over()
        self._single_connection = self._at == 0
        if self._at == self._total:
            return
        try:
            with connected(url, self._headers(url), self._network) as response:
                start = self._start_of(url, response)
                self._single_connection = start == 0
                self._receive(url, response, start)
        except RangeRefused:
            self._start_over()
            raise
        if self._total is not None and self._at < self._total:
            came = f"{self._at:,} of {self._total:,} bytes"
            raise MirrorFault(f"the connection ended after {came}", final=False)

    def check(self) -> None:
        """Raise `WrongContent` unless the partial file has the published checksum.

        One that grew over several connections proves nothing about a mirror, so it is downloaded
        again; one from a single connection is set aside, and that mirror is dropped.
        """
        with self._part.open("rb") as file:
            seen = sha256_of(file)
        if seen == self._remote.sha256:
            return
        differs = f"sha256 {seen}, expected {self._remote.sha256}"
        if not self._single_connection:
            self._start_over()
            raise WrongContent(f"{differs}; downloading it again", final=False)
        os.replace(self._part, self._part.with_suffix(".rejected"))
        self._move(0)
        raise WrongContent(differs, final=True)

    def _headers(self, url: str) -> dict[str, str]:
        headers = {"Accept-Encoding": "identity"}
        if self._at:
            headers["Range"] = f"bytes={self._at}-"
            if validator := self._saved_validator(url):
                headers["If-Range"] = validator
        return headers

    def _start_of(self, url: str, response: HTTPResponse) -> int:
        """Offset of the response's bytes; raises where the response contradicts what is known."""
        if response.status == 200:
            self._check_length(response.getheader("Content-Length"))
            return 0
        if response.status != 206 or not self._at:
            raise MirrorFault(f"answered with status {response.status}", final=True)
        span = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.getheader("Content-Range", ""))
        if not span or int(span[1]) != self._at:
            self._start_over()
            raise MirrorFault("answered with a different range than requested", final=False)
        self._check_length(None if span[2] == "*" else span[2])
        known, sent = self._saved_validator(url), validator_of(response)
        if known and sent and known != sent:
            self._start_over()
            raise MirrorFault("the file changed between two connections", final=False)
        return self._at

    def _check_length(self, length: str | None) -> None:
        """Note the length that a response states; it must match the registry's, if that says one."""
        if length is None or not length.isdecimal():
            return
        if self._remote.bytes is not None and int(length) != self._remote.bytes:
            raise WrongContent(f"has {length} bytes, expected {self._remote.bytes}", final=True)
        if int(length) > MAX_SIZE:
            raise WrongContent(f"has {length} bytes, over the limit of {MAX_SIZE}", final=True)
        self._total = int(length)

    def _receive(self, url: str, response: HTTPResponse, start: int) -> None:
        if start != self._at:
            self._start_over()
        try:
            file = self._part.open("ab", buffering=0)
        except OSError as error:
            raise self._disk_fault(error) from None
        with file:
            self._save_validator(url, response)
            while chunk := response.read1(CHUNK):
                if self._at + len(chunk) > (limit := self._total or MAX_SIZE):
                    raise WrongContent(f"sent more than {limit:,} bytes", final=True)
                self._write(file, chunk)

    def _write(self, file: IO[bytes], chunk: bytes) -> None:
        rest = memoryview(chunk)
        try:
            while rest:
                rest = rest[file.write(rest) :]
        except OSError as error:
            raise self._disk_fault(error) from None
        self._move(self._at + len(chunk))

    def _disk_fault(self, error: OSError) -> StorageError:
        return StorageError(
            f"{escape(str(self._part), 300)}: cannot be written: {error.strerror}",
            hint="free some space, then try again: it continues where it stopped",
        )

    def _move(self, at: int) -> None:
        """Note that the partial file is now `at` bytes long."""
        self._advance(at - self._at)
        self._at = at
        self.most = max(self.most, at)

    def _start_over(self) -> None:
        self._part.unlink(missing_ok=True)
        self._validator_file.unlink(missing_ok=True)
        self._move(0)

    def _save_validator(self, url: str, response: HTTPResponse) -> None:
        """Save the validator (ETag or date) of this version of the file, to be sent when continuing."""
        with suppress(OSError):  # without it, only the checksum decides
            self._validator_file.write_text(
                json.dumps([url, validator_of(response)]), encoding="utf-8"
            )

    def _saved_validator(self, url: str) -> str:
        """The validator that the last bytes came with, if they came from `url`."""
        try:
            noted: Any = json.loads(self._validator_file.read_text(encoding="utf-8"))
            return str(noted[1]) if noted[0] == url else ""
        except (OSError, ValueError, KeyError, TypeError, IndexError):
            return ""


def validator_of(response: HTTPResponse) -> str:
    """The strong ETag of a response, else its Last-Modified, else ""."""
    etag = str(response.getheader("ETag", ""))
    if etag:
        return "" if etag.startswith("W/") else etag
    return str(response.getheader("Last-Modified", ""))
