"""Decoded pictures in a memory-mapped file, resident only as far as they are used."""

import mmap
import os
import weakref
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clfw.errors import StorageError

_DONTNEED = getattr(mmap, "MADV_DONTNEED", None)  # absent on some systems


class PixelMap:
    """(N, H, W, C) uint8 of a file.

    Attributes:
        images: the array; writes to it never reach the file.
    """

    def __init__(self, descriptor: int, shape: tuple[int, ...]) -> None:
        """Map an open file of the right size, which may be closed and unlinked afterwards.

        Copy-on-write, so that torch may hold it as a tensor.
        """
        self._file = os.dup(descriptor)
        weakref.finalize(self, os.close, self._file)
        self._map = mmap.mmap(descriptor, int(np.prod(shape)), access=mmap.ACCESS_COPY)
        self.images: NDArray[np.uint8] = np.ndarray(shape, np.uint8, buffer=self._map)

    @classmethod
    def of(cls, path: Path, shape: tuple[int, ...]) -> "PixelMap":
        """The map of the file `path`.

        Raises:
            OSError: it does not exist. ValueError: it has the wrong size.
        """
        descriptor = os.open(path, os.O_RDONLY)
        try:
            if os.fstat(descriptor).st_size != int(np.prod(shape)):
                raise ValueError("the file has the wrong size")
            return cls(descriptor, shape)
        finally:
            os.close(descriptor)

    def forget(self) -> None:
        """Release the memory; later reads come from the file or the page cache.

        Writes to the copy-on-write map are lost.
        """
        if _DONTNEED is not None:
            self._map.madvise(_DONTNEED)

    def read(self, positions: Sequence[int]) -> NDArray[np.uint8]:
        """(B, H, W, C) uint8, read from the file: the map would keep far more than these in memory.

        (Touching a page also loads its neighbours: megabytes, on recent systems.)

        Raises:
            StorageError: the file was truncated meanwhile.
        """
        chosen = np.empty((len(positions), *self.images.shape[1:]), np.uint8)
        size = self.images[0].nbytes
        for picture, position in zip(chosen, positions, strict=True):
            if os.preadv(self._file, [picture.data], position * size) < size:
                raise StorageError("the cache of decoded pictures was truncated while it was read")
        return chosen

    def expect(self, positions: Sequence[int]) -> None:
        """Ask the system to read these pictures ahead, without waiting."""
        size = self.images[0].nbytes
        for position in positions if hasattr(os, "posix_fadvise") else ():
            os.posix_fadvise(self._file, position * size, size, os.POSIX_FADV_WILLNEED)
