"""Who may write a run folder: a file lock, and numbered claims (fencing tokens) in case it fails.

The lock refuses a second process at once. Where locks do nothing (some network disks), the claims
still leave one writer: each process creates the next number exclusively, and a process that finds a
higher number than its own stops before it writes again.
"""

import json
import os
import socket
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from filelock import FileLock, Timeout

from clfw.errors import DataError, OutputError, StorageError
from clfw.io import storage

FOLDER = "claims"
MAX_READS = 20  # tries to read a claim before it counts as damaged


class RunLock:
    """The right to write one run folder, until released or taken over by another process."""

    def __init__(self, run: Path) -> None:
        """Lock the folder.

        Raises:
            OutputError: another process is using it; says which.
        """
        self._run = run
        self._folder = run / FOLDER
        self._lock = FileLock(run / ".lock", timeout=0, mode=0o666)
        try:
            storage.make_folder(self._folder, exist_ok=True)
            self._lock.acquire()
            self._number = self._take_number()
        except Timeout:
            raise self._in_use_error() from None
        except OSError as error:
            self._lock.release()
            raise OutputError(f"{run}: cannot be written: {error.strerror}") from None

    def _take_number(self) -> int:
        owner = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "since": time.strftime("%Y-%m-%d %H:%M:%S"),
        }
        while True:
            number = self._highest() + 1
            path = self._folder / f"{number:06d}"
            try:
                storage.write_durably(path, json.dumps(owner).encode())
            except FileExistsError:
                continue
            return number

    def _highest(self) -> int:
        return max((int(p.name) for p in self._folder.iterdir() if p.name.isdecimal()), default=0)

    def check(self) -> None:
        """Raise `OutputError` if another process has taken over the folder."""
        try:
            lost = self._highest() != self._number
        except OSError as error:
            raise OutputError(f"{self._run}: is gone: {error.strerror}") from None
        if lost:
            raise self._in_use_error()

    def _in_use_error(self) -> OutputError:
        by = "another process"
        for _ in range(MAX_READS):
            try:
                owner: dict[str, Any] = json.loads(
                    (self._folder / f"{self._highest():06d}").read_text(encoding="utf-8")
                )
                by = f"pid {owner['pid']} on {owner['host']} since {owner['since']}"
                break
            except (OSError, ValueError, KeyError, TypeError):  # it is just being written
                time.sleep(0.01)
        return OutputError(
            f"{self._run}: is in use by {by}", hint="wait for it or stop it, then try again"
        )

    def __enter__(self) -> "RunLock":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()
        if isinstance(error, StorageError | DataError | OSError):
            self.check()  # the error may come from another process taking over: say that instead

    def release(self) -> None:
        """Release the lock; the claim stays, as a record of who wrote."""
        self._lock.release()
