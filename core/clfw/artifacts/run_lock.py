"""Who may write a run folder: a lock for courtesy, numbered claims for safety.

The lock turns a second process away at once. Where locks do nothing (some network disks), the claims
still leave one writer: each process makes the next number exclusively, and whoever finds a higher
number than its own leaves off before it writes again.
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
PATIENCE = 20  # looks at a claim before it is taken for damaged


class RunLock:
    """The right to write one run folder, until released or overtaken."""

    def __init__(self, run: Path) -> None:
        """Take the folder.

        Raises:
            OutputError: another process holds it; says which.
        """
        self._run = run
        self._folder = run / FOLDER
        self._lock = FileLock(run / ".lock", timeout=0, mode=0o666)
        try:
            storage.make_folder(self._folder, exist_ok=True)
            self._lock.acquire()
            self._number = self._take_number()
        except Timeout:
            raise self._held() from None
        except OSError as error:
            self._lock.release()
            raise OutputError(f"{run}: cannot be written: {error.strerror}") from None

    def _take_number(self) -> int:
        words = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "since": time.strftime("%Y-%m-%d %H:%M:%S"),
        }
        while True:
            number = self._highest() + 1
            path = self._folder / f"{number:06d}"
            try:
                storage.write_durably(path, json.dumps(words).encode())
            except FileExistsError:
                continue
            return number

    def _highest(self) -> int:
        return max((int(p.name) for p in self._folder.iterdir() if p.name.isdecimal()), default=0)

    def check(self) -> None:
        """Raise `OutputError` when another process has taken the folder since."""
        try:
            overtaken = self._highest() != self._number
        except OSError as error:
            raise OutputError(f"{self._run}: is gone: {error.strerror}") from None
        if overtaken:
            raise self._held()

    def _held(self) -> OutputError:
        by = "another process"
        for _ in range(PATIENCE):
            try:
                words: dict[str, Any] = json.loads(
                    (self._folder / f"{self._highest():06d}").read_text(encoding="utf-8")
                )
                by = f"pid {words['pid']} on {words['host']} since {words['since']}"
                break
            except (OSError, ValueError, KeyError, TypeError):  # it is being written just now
                time.sleep(0.01)
        return OutputError(
            f"{self._run}: is held by {by}", hint="wait for it, or stop it, then try again"
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
            self.check()  # who is overtaken loses files to who overtakes, and should say so

    def release(self) -> None:
        """Let the lock go; the number stays, as the record of who wrote."""
        self._lock.release()
