"""One file from its mirrors to disk: bounded, resumed, checked by its sha256.

Mirrors are tried in order. One that cannot serve is struck off; one that fails for the moment is
tried again after a pause. Where all fail, what has come stays on disk and the next call goes on
from it.
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
from clfw.text import escape

CHUNK = 1 << 16  # bytes asked of a connection at once
LARGEST = 8_000_000_000  # bytes of a file whose size the registry does not say
Advance = Callable[[int], None]
Say = Callable[[str], None]


class WrongContent(MirrorFault):
    """What a mirror has is not the file."""


def download(remote: Remote, part: Path, network: Network, advance: Advance, say: Say) -> str:
    """Bring `remote` to `part`, going on from what is there; the address that it came from.

    Args:
        advance: told how many more bytes are there; negative where a transfer starts over.

    Raises:
        DataError: what came is not the file that the registry describes.
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
    """The error that says what each mirror did."""
    reasons = "; ".join(f"{urlsplit(url).netloc}: {fault}" for url, fault in faults.items())
    message = f"{remote.file}: {reasons}"
    if any(isinstance(fault, WrongContent) for fault in faults.values()):
        return DataError(message, hint="try again later, or give a local copy with --from PATH")
    return StorageError(
        message, hint="try again, it goes on from what has come; or give a copy with --from PATH"
    )


class Transfer:
    """The filling of one partial file, over as many connections as it takes."""

    def __init__(self, remote: Remote, part: Path, network: Network, advance: Advance) -> None:
        self._remote = remote
        self._part = part
        self._note = part.with_name(f"{part.name}.json")
        self._network = network
        self._advance = advance
        self._total = remote.bytes  # or what the first answer says
        self._in_one_go = False
        self._at = self.most = 0
        self._move(part.stat().st_size if part.exists() else 0)

    def run(self, url: str) -> None:
        """One connection: what is missing of the file, appended to the part."""
        if self._at > (self._total or LARGEST):
            self._start_over()
        self._in_one_go = self._at == 0
        if self._at == self._total:
            return
        try:
            with connected(url, self._headers(url), self._network) as response:
                start = self._agreed_start(url, response)
                self._in_one_go = start == 0
                self._receive(url, response, start)
        except RangeRefused:
            self._start_over()
            raise
        if self._total is not None and self._at < self._total:
            came = f"{self._at:,} of {self._total:,} bytes"
            raise MirrorFault(f"the connection ended after {came}", final=False)

    def check(self) -> None:
        """Raise `WrongContent` unless the part's checksum is the file's.

        A part that grew over several connections proves nothing of a mirror, so it is loaded anew;
        one that came in one go is kept aside, and that mirror is not asked again.
        """
        with self._part.open("rb") as file:
            seen = sha256_of(file)
        if seen == self._remote.sha256:
            return
        differs = f"sha256 {seen}, expected {self._remote.sha256}"
        if not self._in_one_go:
            self._start_over()
            raise WrongContent(f"{differs}; it is loaded anew", final=False)
        os.replace(self._part, self._part.with_suffix(".rejected"))
        self._move(0)
        raise WrongContent(differs, final=True)

    def _headers(self, url: str) -> dict[str, str]:
        headers = {"Accept-Encoding": "identity"}
        if self._at:
            headers["Range"] = f"bytes={self._at}-"
            if validator := self._noted_validator(url):
                headers["If-Range"] = validator
        return headers

    def _agreed_start(self, url: str, response: HTTPResponse) -> int:
        """Where the answer's bytes belong; what the answer says of the file must fit it."""
        if response.status == 200:
            self._agree_on(response.getheader("Content-Length"))
            return 0
        if response.status != 206 or not self._at:
            raise MirrorFault(f"answers with status {response.status}", final=True)
        span = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.getheader("Content-Range", ""))
        if not span or int(span[1]) != self._at:
            self._start_over()
            raise MirrorFault("answers with another range than asked for", final=False)
        self._agree_on(None if span[2] == "*" else span[2])
        known, sent = self._noted_validator(url), validator_of(response)
        if known and sent and known != sent:
            self._start_over()
            raise MirrorFault("the file changed between two connections", final=False)
        return self._at

    def _agree_on(self, length: str | None) -> None:
        """Take a length that an answer states; it must be the file's, where that is known."""
        if length is None or not length.isdecimal():
            return
        if self._remote.bytes is not None and int(length) != self._remote.bytes:
            raise WrongContent(f"has {length} bytes, expected {self._remote.bytes}", final=True)
        if int(length) > LARGEST:
            raise WrongContent(f"has {length} bytes, over the limit of {LARGEST}", final=True)
        self._total = int(length)

    def _receive(self, url: str, response: HTTPResponse, start: int) -> None:
        if start != self._at:
            self._start_over()
        try:
            file = self._part.open("ab", buffering=0)
        except OSError as error:
            raise self._disk_fault(error) from None
        with file:
            self._note_validator(url, response)
            while chunk := response.read1(CHUNK):
                if self._at + len(chunk) > (limit := self._total or LARGEST):
                    raise WrongContent(f"sends more than {limit:,} bytes", final=True)
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
            hint="make room, then try again: it goes on from what has come",
        )

    def _move(self, at: int) -> None:
        """Note that the part is now `at` bytes long."""
        self._advance(at - self._at)
        self._at = at
        self.most = max(self.most, at)

    def _start_over(self) -> None:
        self._part.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)
        self._move(0)

    def _note_validator(self, url: str, response: HTTPResponse) -> None:
        """Keep a mirror's mark of this version of the file, to be sent when going on."""
        with suppress(OSError):  # without it the checksum alone decides
            self._note.write_text(json.dumps([url, validator_of(response)]), encoding="utf-8")

    def _noted_validator(self, url: str) -> str:
        """The mark that the part's last bytes came with, where they came from `url`."""
        try:
            noted: Any = json.loads(self._note.read_text(encoding="utf-8"))
            return str(noted[1]) if noted[0] == url else ""
        except (OSError, ValueError, KeyError, TypeError, IndexError):
            return ""


def validator_of(response: HTTPResponse) -> str:
    """The strong ETag of an answer, else its date of change, else ""."""
    etag = str(response.getheader("ETag", ""))
    if etag:
        return "" if etag.startswith("W/") else etag
    return str(response.getheader("Last-Modified", ""))
