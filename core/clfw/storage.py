"""How files are put on disk, whole or not at all, and where caches live."""

import os
import tempfile
from pathlib import Path

from clfw.errors import OutputError


def cache_root() -> Path:
    """`CLFW_CACHE_DIR`, else the platform's cache folder."""
    override = os.environ.get("CLFW_CACHE_DIR")
    if override:
        return Path(override)
    import platformdirs

    return Path(platformdirs.user_cache_dir("clfw"))


def cache_folder(name: str) -> Path:
    """The folder of one cache, created if need be."""
    folder = cache_root() / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{folder}: cannot be created: {error.strerror}",
            hint="name a writable cache folder with CLFW_CACHE_DIR",
        ) from None
    return folder


def write_atomically(path: Path, data: bytes) -> None:
    """Write beside the target, flush to disk, rename; a reader sees the old file or the new one."""
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o666 & ~_umask())
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from None


def _umask() -> int:
    # The only portable way to read it is to set it.
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
