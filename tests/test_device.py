"""What holds for the whole process once tensors are to be computed."""

import platform
import resource

import pytest
import torch

from clfw.device import prepare

PAGE = resource.getpagesize()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc")
def test_memory_that_a_step_frees_is_there_for_the_next() -> None:
    prepare(None, deterministic=False)
    pages = 20_000
    for _ in range(8):  # the first few find their places
        torch.ones(pages * PAGE, dtype=torch.uint8)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(pages * PAGE, dtype=torch.uint8)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before < pages / 20
