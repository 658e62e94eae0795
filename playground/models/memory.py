"""How much memory there is for a model, and how much it needs."""

import os
from pathlib import Path

BESIDE = 1.2  # what is needed, by what the weights take: inputs, layers' outputs, the decoder
SMALL = 500_000_000  # bytes of weights of a model with which memory is no question
SHARE = 0.6  # of all memory: what all models of a process may take together
GROUP = Path("/sys/fs/cgroup")  # of a container (Linux control groups, version 2)
LIMIT = "LATENT_PLAYGROUND_MODEL_BYTES"


class NotEnoughMemoryError(ValueError):
    """How much is needed and how much is free, in one sentence."""


def free(device: str = "cpu") -> int:
    """Bytes that a model may take on a device now. On Apple's chips memory is shared."""
    if device.startswith("cuda"):
        import torch

        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + kept  # what torch keeps for this process
    import psutil

    return min(psutil.virtual_memory().available, _container() or 2**63)


def most_free() -> int:
    """On the device that has most of it."""
    import torch

    if torch.cuda.is_available():
        return max(free(), *(free(f"cuda:{i}") for i in range(torch.cuda.device_count())))
    return free()


def _container() -> int | None:
    """What is left within the limit of a container."""
    limit = _allowed()
    try:
        used = int((GROUP / "memory.current").read_text(encoding="utf-8"))
        cached = dict(
            line.split()
            for line in (GROUP / "memory.stat").read_text(encoding="utf-8").splitlines()
        )
        return None if limit is None else limit - used + int(cached["file"])
    except (OSError, ValueError, KeyError):
        return None


def _allowed() -> int | None:
    """All that a container may take; None if that is not limited."""
    try:
        return int((GROUP / "memory.max").read_text(encoding="utf-8"))
    except (OSError, ValueError):  # also the word "max"
        return None


def limit() -> int:
    """Bytes of weights that all open models may take together: a setting, or a share of memory."""
    if said := os.environ.get(LIMIT):
        try:
            return int(float(said))
        except (ValueError, OverflowError):
            raise ValueError(f"{LIMIT} must be a number of bytes, not {said[:40]!r}.") from None
    import psutil

    return int(SHARE * min(psutil.virtual_memory().total, _allowed() or 2**63))


def require(weights: int, available: int, label: str) -> None:
    """Raises NotEnoughMemoryError if so many bytes of weights would not fit."""
    needed = int(BESIDE * weights)
    if needed > available:
        raise NotEnoughMemoryError(
            f"{label} needs about {said(needed)} of memory and {said(available)} are free: close "
            "other programs, choose a smaller model, or a machine with more memory."
        )


def rows(most: int, weights: int, device: str) -> int:
    """How many rows a network call may have: `most`, or fewer where memory is short.

    A row's outputs of layers take up to a third of the network's weights (SD 1.5 at 512 × 512 and
    SDXL at 1024 × 1024, with 16 bits a number).
    """
    if weights < SMALL:
        return most
    return max(2, min(most, int(free(device) / (weights / 3))))


def said(size: float) -> str:
    """A number of bytes as people read it: 5.3 GB, 640 MB."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
