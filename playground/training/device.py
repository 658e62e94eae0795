"""Where a training computes: on the processor's cores or on one accelerator.

The one seam between both. A training asks its device for sizes, for autocast and for gradients;
besides, it only moves its modules and its data there.
"""

import os
import time
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import nn

from playground.training.parallel import CORES, Halves, Whole

Number = TypeVar("Number", int, float)
AVAILABLE = {
    "cpu": lambda: True,
    "cuda": torch.cuda.is_available,
    "mps": torch.backends.mps.is_available,
}


@dataclass(frozen=True)
class Device:
    name: str  # as torch calls it
    bfloat16: bool  # whether networks compute in it; weights and optimisers stay float32
    renderers: int  # processes that draw scenes beside the training

    @property
    def accelerated(self) -> bool:
        return self.name != "cpu"

    def either(self, cpu: Number, accelerator: Number) -> Number:
        """What suits it: `cpu` or `accelerator`."""
        return accelerator if self.accelerated else cpu

    def clock(self) -> float:
        """Seconds of computing: of a shared processor, those that both cores gave this training."""
        return time.monotonic() if self.accelerated else time.process_time() / CORES

    def autocast(self) -> torch.autocast:
        return torch.autocast(self.name, torch.bfloat16, enabled=self.bfloat16)

    def gradients(self, model: nn.Module, compiled: str = "whole") -> Halves | Whole:
        """What computes the gradient of `model` on a batch, as fast as this device can.

        `compiled` says what is compiled on CUDA: the "whole" model, its transformer "blocks" one by
        one, which takes seconds instead of a minute, or "nothing".
        """
        if not self.accelerated:
            return Halves(model)
        network = model
        if self.name == "cuda" and compiled == "blocks":
            for block in model.transformer_blocks:
                block.compile(dynamic=False)
        elif self.name == "cuda" and compiled == "whole":
            network = torch.compile(model, dynamic=False)
        return Whole(model, network)


def choose(name: str = "cpu") -> Device:
    """The device of that name. Raises ValueError if this machine has none such."""
    valid = [known for known, available in AVAILABLE.items() if available()]
    if name not in valid:
        raise ValueError(f"There is no device {name!r} here; there are: {', '.join(valid)}.")
    # One renderer disturbs two computing cores little; an accelerator needs all it can get.
    spare = max(1, (os.cpu_count() or 1) - CORES)
    return Device(name, has_bfloat16(name), renderers=1 if name == "cpu" else spare)


def has_bfloat16(name: str) -> bool:
    """Whether the hardware multiplies matrices in bfloat16; emulated it is slower than float32."""
    if name == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if name == "cpu":
        found = getattr(torch.cpu, "get_capabilities", dict)()  # unknown to older versions of torch
        return bool(found.get("amx_bf16") or found.get("avx512_bf16"))
    return False
