"""Reads `.npy` bytes strictly: nothing is unpickled, and no size is believed before it is checked."""

import io
import math
from typing import Any

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from clfw import DataError

READERS = {
    (1, 0): npy_format.read_array_header_1_0,
    (2, 0): npy_format.read_array_header_2_0,
}
PLAIN_KINDS = "biufSU"
MOST_DIMENSIONS = 4


def read_npy(data: bytes, name: str) -> NDArray[Any]:
    """The array in `data`, as a view of it.

    Raises:
        DataError: another format, an array of Python objects, or a size that differs from the header.
    """
    stream = io.BytesIO(data)
    try:
        version = npy_format.read_magic(stream)
        if version not in READERS:
            raise ValueError(f"format version {version[0]}.{version[1]} is not known")
        shape, fortran, dtype = READERS[version](stream)
    except Exception as error:  # a forged header reaches Python's parser, which raises many types
        raise DataError(f"{name}: not a readable .npy array: {first_line(error)}") from None
    if dtype.hasobject:
        raise DataError(
            f"{name}: holds Python objects, and clfw never unpickles",
            hint="save it as an array of numbers or text",
        )
    if dtype.kind not in PLAIN_KINDS or not dtype.itemsize or dtype.subdtype:
        raise DataError(f"{name}: holds {dtype}, expected numbers or text")
    # A forged header may hold any Python literal, True and 1.0 among them.
    if len(shape) > MOST_DIMENSIONS or any(type(side) is not int or side < 1 for side in shape):
        raise DataError(f"{name}: has shape {shape}, which holds no picture and no label")
    start = stream.tell()
    expected, found = math.prod(shape) * dtype.itemsize, len(data) - start
    if found != expected:
        raise DataError(
            f"{name}: offset {start}: {expected:,} bytes expected for {dtype} {shape}, "
            f"{found:,} found",
            hint="the file is cut short or damaged; make or copy it again",
        )
    flat = np.frombuffer(data, dtype, offset=start)
    return flat.reshape(shape, order="F" if fortran else "C")


def first_line(error: Exception) -> str:
    """The first line of an exception's text."""
    return (str(error) or type(error).__name__).splitlines()[0][:160]
