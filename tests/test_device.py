"""What holds for the whole process once tensors are to be computed."""

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource
import torch
from clfw.learning.device import prepare

prepare(None, deterministic=False)
pages = 20_000
for _ in range(8):  # the first few find their places
    torch.ones(pages * resource.getpagesize(), dtype=torch.uint8)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
torch.ones(pages * resource.getpagesize(), dtype=torch.uint8)
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / pages)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc")
def test_memory_that_a_step_frees_is_there_for_the_next() -> None:
    # In a process of its own: another test's threads would own other heaps.
    finished = subprocess.run(
        [sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True
    )
    assert float(finished.stdout) < 0.05  # of the pages are new
