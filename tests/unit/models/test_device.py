"""What holds for the whole process once tensors are to be computed."""

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource
import sys
import torch
from clfw.models.device import prepare

prepare(None, deterministic=False)
pages = int(sys.argv[1])
for _ in range(8):  # the first few find their places
    torch.ones(pages * resource.getpagesize(), dtype=torch.uint8)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
torch.ones(pages * resource.getpagesize(), dtype=torch.uint8)
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / pages)
"""


def new_pages(count: int) -> float:
    """The share of a step's pages that are new to it, in a process of its own."""
    # Another test's threads would own other heaps.
    command = [sys.executable, "-c", FAULTS, str(count)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc")
def test_memory_that_a_step_frees_is_there_for_the_next() -> None:
    assert new_pages(7_000) < 0.05


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc")
def test_the_largest_blocks_go_back_so_that_they_leave_no_holes() -> None:
    assert new_pages(20_000) > 0.95
