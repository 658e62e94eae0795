"""Where a checkpoint's networks compute, and with which numbers."""

import os
from dataclasses import dataclass

import torch

from playground.models import memory

DEVICE = "LATENT_PLAYGROUND_DEVICE"  # cpu, cuda or mps, where the choice is not wanted
SMALL = 200_000_000  # parameters: below, float32 is as fast and half the memory is no gain


class UnknownDeviceError(ValueError):
    """A device that this machine has not."""


@dataclass(frozen=True)
class Place:
    """`offload`: a component is on the device only while it computes."""

    device: str
    dtype: torch.dtype
    offload: bool = False


def choose() -> str:
    """The accelerator, if there is one: cuda, else mps, else cpu."""
    known = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    wanted = os.environ.get(DEVICE)
    usable = [name for name, there in known.items() if there]
    if wanted and wanted not in usable:
        raise UnknownDeviceError(
            f"{DEVICE} is {wanted[:40]!r}; this machine has: {', '.join(usable)}."
        )
    return wanted or usable[0]


def dtype(device: str, parameters: int) -> torch.dtype:
    """float32 for small networks. For large ones bfloat16 where the hardware multiplies it.

    Two rows of SD 1.5's U-Net took 17.5 CPU seconds at 512 × 512 in bfloat16 against 24.3 in
    float32 on a processor with AVX-512-BF16; without such instructions it is emulated, and slower.
    float16 has too small a range for some networks, so it is for accelerators without bfloat16.
    """
    if parameters < SMALL:
        return torch.float32
    if device == "cpu":
        return torch.bfloat16 if _fast_bfloat16() else torch.float32
    if device == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.bfloat16
    return torch.float16


def _fast_bfloat16() -> bool:
    """Whether the processor has AVX-512-BF16 or AMX (x86), which the oneDNN library uses."""
    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(probe() for name in probes if (probe := getattr(torch.cpu, name, None)))


def place(sizes: dict[str, int], label: str) -> Place:
    """Where components of so many parameters fit. Raises NotEnoughMemoryError if nowhere.

    On an accelerator that is too small for all of them at once, one after the other computes there.
    """
    device, total = choose(), sum(sizes.values())
    kind = dtype(device, max(sizes.values()))
    width = kind.itemsize
    available = memory.free(device)
    if device == "cuda" and memory.BESIDE * total * width > available:
        memory.require(max(sizes.values()) * width, available, f"{label} on this GPU")
        memory.require(total * width, memory.free(), label)
        return Place(device, kind, offload=True)
    memory.require(total * width, available, label)
    return Place(device, kind)
