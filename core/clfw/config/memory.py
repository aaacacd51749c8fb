"""How much memory decoded pictures may take, and whether a dataset fits."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from clfw.errors import UsageError
from clfw.text import escape

SHARE = 0.5  # of the free memory, by default
UNITS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
CGROUP = Path("/sys/fs/cgroup")
# Files of a control group: its limit, its usage, its statistics; the key of its page cache in those.
CGROUP_V2 = ("memory.max", "memory.current", "memory.stat", "file")
CGROUP_V1 = (
    "memory/memory.limit_in_bytes",
    "memory/memory.usage_in_bytes",
    "memory/memory.stat",
    "cache",
)


@dataclass(frozen=True, slots=True)
class MemoryBudget:
    """Bytes, and where the number comes from."""

    size: int
    reason: str

    def exceeded_by(self, size: int) -> str:
        """Why `size` bytes of pictures are streamed from disk; "" if they fit."""
        if size <= self.size:
            return ""
        budget = f"{format_size(self.size)} ({self.reason})"
        return f"{format_size(size)} decoded, over the memory budget of {budget}"


def memory_budget(asked: int | None) -> MemoryBudget:
    """What the user asked for, else a share of the memory that is free now."""
    if asked is not None:
        return MemoryBudget(asked, "--memory-budget")
    return MemoryBudget(int(SHARE * available()), f"{SHARE:.0%} of the free memory")


def parse_size(text: str) -> int:
    """Bytes of a text such as 2GB, 512MiB or 800000; powers of 1000, or of 1024 with an i.

    Raises:
        UsageError: malformed, or less than one byte.
    """
    found = re.fullmatch(r"(\d{1,15}(?:\.\d{1,9})?)\s*([kmgt]?)(i?)b?", text.strip().lower())
    if found is None or (found[3] and not found[2]):
        raise UsageError(
            f"--memory-budget: '{escape(text)}' is not a size",
            hint="write it as 2GB, 512MB or 1.5GiB",
        )
    size = int(float(found[1]) * (1024 if found[3] else 1000) ** UNITS[found[2]])
    if size < 1:
        raise UsageError("--memory-budget: must be at least one byte", hint="write it as 2GB")
    return size


def format_size(size: int) -> str:
    """`size` bytes for people."""
    for unit, number in (("GB", 1e9), ("MB", 1e6)):
        if size >= number:
            return f"{size / number:,.1f} {unit}"
    return f"{size / 1e3:,.1f} kB"


def available() -> int:
    """Bytes that this process can take without others giving some up.

    What the system says is available, at most what its control group has left.
    """
    return min(
        [system_memory(), *group_memory(CGROUP, *CGROUP_V2), *group_memory(CGROUP, *CGROUP_V1)]
    )


def system_memory() -> int:
    """What Linux says is available; elsewhere all the memory there is."""
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def group_memory(group: Path, limit: str, taken: str, parts: str, cache: str) -> list[int]:
    """What a limited control group has left, its page cache not counted as used; [] without a limit."""
    try:
        facts = dict(line.split() for line in (group / parts).read_text().splitlines())
        used = int((group / taken).read_text()) - int(facts[cache])
        return [max(0, int((group / limit).read_text()) - used)]
    except (OSError, ValueError, KeyError):  # no such group, or no limit ("max")
        return []


MemoryFormat = Literal["contiguous", "channels-last"]
MEMORY_FORMATS: tuple[MemoryFormat, ...] = get_args(MemoryFormat)
