"""Where and how tensors are computed: the processor, memory format and threads, each with a reason."""

import contextlib
import ctypes
import os
import sys
from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import nn

from clfw.config.memory import SHARE, MemoryBudget, MemoryFormat, memory_budget
from clfw.errors import UsageError
from clfw.text import did_you_mean

NAMES = ("auto", "cpu", "cuda", "mps")
KEPT = 1 << 30  # bytes of freed memory kept, at most
M_MMAP_THRESHOLD, M_TRIM_THRESHOLD = -3, -1  # of glibc's malloc.h
LARGE = 32 << 20  # bytes of a block that still goes back; the largest number that glibc takes
FORMATS: dict[MemoryFormat, torch.memory_format] = {
    "contiguous": torch.contiguous_format,
    "channels-last": torch.channels_last,
}
WIDE = 16  # output channels of the widest convolution from which channels-last pays on a CPU


class Device(Protocol):
    """What the trainer and the evaluator ask of a device."""

    torch_device: torch.device
    memory_format: torch.memory_format

    def place(self, model: nn.Module, memory_format: MemoryFormat | None = None) -> nn.Module:
        """`model` on the device, in a format of `FORMATS`, or in that which usually suits it."""

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        """The precision that forward passes run in."""

    def facts(self) -> Mapping[str, str]:
        """Every choice with its reason, for the header line and the run folder."""


class TorchDevice:
    """A processor that PyTorch drives."""

    def __init__(self, request: str) -> None:
        name, reason = choose(request)
        self.torch_device = torch.device(name)
        self.memory_format = torch.contiguous_format
        self._facts = {"device": f"{name} ({reason})", "threads": str(torch.get_num_threads())}
        if name == "cuda":
            torch.set_float32_matmul_precision("high")
            self._facts["precision"] = "float32 with TF32 products (fast on tensor cores)"
        else:
            self._facts["precision"] = "float32"
        if name == "cpu":  # sums are cut differently by each set, and so are their bits
            self._facts["instructions"] = torch.backends.cpu.get_cpu_capability()

    def place(self, model: nn.Module, memory_format: MemoryFormat | None = None) -> nn.Module:
        chosen, reason = memory_format, "measured by --autotune"
        if chosen is None:
            chosen, reason = usual_format(model)
        self.memory_format = FORMATS[chosen]
        self._facts["memory format"] = f"{chosen} ({reason})"
        return model.to(self.torch_device).to(memory_format=self.memory_format)

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        return contextlib.nullcontext()

    def facts(self) -> Mapping[str, str]:
        return self._facts


def usual_format(model: nn.Module) -> tuple[MemoryFormat, str]:
    """The memory format for a model of such a width, and why."""
    widest = max((m.out_channels for m in model.modules() if isinstance(m, nn.Conv2d)), default=0)
    if widest >= WIDE:
        return "channels-last", f"widest convolution {widest} >= {WIDE}"
    return "contiguous", f"widest convolution {widest} < {WIDE}"


def prepare(threads: int | None, deterministic: bool) -> None:
    """What holds for the whole process, before any tensor is computed.

    On a GPU the fastest kernels add in an order that changes from run to run; deterministic ones do
    not, and where there is none an operation fails by name.
    """
    keep_freed_memory()
    if threads is not None:
        torch.set_num_threads(threads)
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
        torch.backends.cudnn.benchmark = False


def keep_freed_memory() -> None:
    """Have glibc keep what is freed for the next step, which asks for as much again.

    Left alone it gives every large tensor back to the system; fresh pages then take a tenth of the
    time of a small network's step, and a third of that of its evaluation.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:  # as in musl
        mallopt(M_MMAP_THRESHOLD, LARGE)
        mallopt(M_TRIM_THRESHOLD, KEPT)


def choose(request: str) -> tuple[str, str]:
    """The device's name and why it was taken.

    Raises:
        UsageError: an unknown name, or a device that this machine lacks.
    """
    if request not in NAMES:
        raise UsageError(
            f"--device: '{request}' is not one of {', '.join(NAMES)}",
            hint=did_you_mean(request, NAMES),
        )
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if request != "auto":
        if not available[request]:
            raise UsageError(
                f"--device {request}: PyTorch finds none here", hint="leave --device out"
            )
        return request, "asked for"
    name = next(name for name, there in available.items() if there)
    return name, "no GPU found" if name == "cpu" else "found"


def why_streamed(size: int, asked: int | None, device: torch.device) -> str:
    """Why `size` bytes of pictures are not to be held in memory; "" where they are.

    `asked` is the memory budget in bytes that a person gives, None for the machine's own.
    """
    why = memory_budget(asked).exceeded_by(size)
    if why or device.type != "cuda":
        return why
    free, _ = torch.cuda.mem_get_info(device)
    share = MemoryBudget(int(SHARE * free), f"{SHARE:.0%} of the GPU's free memory")
    return share.exceeded_by(size)
