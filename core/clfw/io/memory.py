"""Running out of memory, as an error that says what to do; nothing is shrunk silently."""

from collections.abc import Iterator
from contextlib import contextmanager

from clfw.errors import ResourceError
from clfw.text import escape


@contextmanager
def reporting_out_of_memory(where: str, batch_size: int | str, hint: str = "") -> Iterator[None]:
    """Turn a refused allocation within the block into a `ResourceError`."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        reason = escape((str(error).splitlines() or ["no memory"])[0], 100)
        smaller = (
            f"--batch-size {max(1, batch_size // 2)}"
            if isinstance(batch_size, int)
            else ("a --batch-size other than 'full'")
        )
        raise ResourceError(
            f"{where}: out of memory with batches of {batch_size} pictures ({reason})",
            hint=f"{hint}try again with {smaller}",
        ) from None


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the host or the device has no memory left."""
    words = (
        "out of memory",
        "failed to map segment",
        "not enough memory",
        "can't allocate",
        "cannot allocate memory",
    )
    return isinstance(error, MemoryError) or any(word in str(error).lower() for word in words)
