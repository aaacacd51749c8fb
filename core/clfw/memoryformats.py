"""The orders in which a batch of pictures can lie in memory, by name. No torch."""

from typing import Literal, get_args

MemoryFormat = Literal["contiguous", "channels-last"]
MEMORY_FORMATS: tuple[MemoryFormat, ...] = get_args(MemoryFormat)
