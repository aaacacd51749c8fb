"""What a plugin's code does beside its work: files and connections opened, the process changed."""

import contextlib
import os
import random
import sys
from collections.abc import Iterator
from typing import Any
from unittest import mock

import numpy as np
import torch

CODE = (".py", ".pyc", ".pyi", ".so", ".pyd")


class Watch:
    """What Python's audit events tell of files and connections, while `seen` is a list."""

    seen: list[str] | None = None
    hooked = False

    @classmethod
    def hear(cls, event: str, arguments: tuple[Any, ...]) -> None:
        if cls.seen is None:
            return
        if event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
            path = os.fsdecode(arguments[0])
            if not path.endswith(CODE) and not path.startswith(("/proc/", "/sys/", "/dev/")):
                cls.seen.append(f"file '{path}'")
        elif event in ("socket.connect", "socket.getaddrinfo"):
            cls.seen.append("the network")


@contextlib.contextmanager
def watched() -> Iterator[list[str]]:
    """The files and connections that are opened meanwhile."""
    if not Watch.hooked:  # an audit hook cannot be taken away again
        sys.addaudithook(Watch.hear)
        Watch.hooked = True
    seen: list[str] = []

    def opened(path: Any, *rest: Any, **options: Any) -> Any:
        seen.append(f"file '{path}'")
        raise OSError(f"{path}: not while building")

    Watch.seen = seen
    try:  # safetensors opens files without Python's knowing
        with mock.patch("safetensors.torch.safe_open", opened), mock.patch(
            "safetensors.safe_open", opened
        ):  # fmt: skip
            yield seen
    except OSError:
        if not seen:
            raise
    finally:
        Watch.seen = None


@contextlib.contextmanager
def restored() -> Iterator[None]:
    """Puts back what a build may have changed, so that no later check sees it."""
    dtype, folder, threads = torch.get_default_dtype(), os.getcwd(), torch.get_num_threads()  # noqa: PTH109
    recording = torch.is_grad_enabled()
    try:
        yield
    finally:
        torch.set_default_dtype(dtype)
        torch.set_grad_enabled(recording)
        os.chdir(folder)
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)


def process() -> dict[str, Any]:
    """What is shared by everything in the process; torch's own draws aside, which weights need."""
    return {
        "torch's default dtype": torch.get_default_dtype(),
        "whether torch records gradients": torch.is_grad_enabled(),
        "the number of threads": torch.get_num_threads(),
        "the working folder": os.getcwd(),  # noqa: PTH109
        "Python's random numbers": random.getstate(),
        "NumPy's random numbers": np.random.get_state(legacy=False)["state"]["key"].tobytes(),
        "the exception hook": sys.excepthook,
    }
