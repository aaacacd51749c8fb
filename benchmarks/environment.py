"""What a benchmark and the processes it starts find around them: folders and bytecode of their own."""

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path


@contextlib.contextmanager
def environment(values: Mapping[str, str | None]) -> Iterator[None]:
    """These variables, for this process and those it starts; None takes one away."""
    before = {name: os.environ.get(name) for name in values}
    write(values)
    try:
        yield
    finally:
        write(before)


def write(values: Mapping[str, str | None]) -> None:
    """Set or take away variables."""
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@contextlib.contextmanager
def own_cache() -> Iterator[Path]:
    """A new, empty cache folder, and nothing of the person's own."""
    with tempfile.TemporaryDirectory(prefix="clfw-bench-") as folder:
        cache, config = Path(folder) / "cache", Path(folder) / "config"
        cache.mkdir()
        config.mkdir()
        with environment({"CLFW_CACHE_DIR": str(cache), "CLFW_CONFIG_DIR": str(config)}):
            yield cache


@contextlib.contextmanager
def kept_bytecode() -> Iterator[None]:
    """New processes keep what they compile, so that only the first of them compiles it.

    Where PYTHONDONTWRITEBYTECODE is set, each would else compile clfw anew, while other packages
    were compiled as they were installed.
    """
    with (
        tempfile.TemporaryDirectory(prefix="clfw-bytecode-") as folder,
        environment({"PYTHONPYCACHEPREFIX": folder, "PYTHONDONTWRITEBYTECODE": None}),
    ):
        yield
