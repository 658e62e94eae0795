"""What a .safetensors file says of itself, without reading its weights or importing torch.

8 bytes with the length n of the header, n bytes of JSON (by a tensor's name its dtype, shape and
place), then the tensors. https://github.com/huggingface/safetensors#format
"""

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

LONGEST = 100_000_000  # bytes of a header: the limit of the safetensors library
POINTER = b"version https://git-lfs.github.com/spec/"
BITS = {
    "F64": 64, "F32": 32, "F16": 16, "BF16": 16, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F4": 4,
    "I64": 64, "I32": 32, "I16": 16, "I8": 8, "U64": 64, "U32": 32, "U16": 16, "U8": 8, "BOOL": 8,
}  # fmt: skip


class DamagedFileError(ValueError):
    """A file of weights that cannot be read as it is, and what to do."""


@dataclass(frozen=True)
class Tensor:
    dtype: str
    shape: tuple[int, ...]

    @property
    def count(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True, eq=False)
class Header:
    """`size` is that of the file in bytes."""

    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str]
    size: int

    @property
    def parameters(self) -> int:
        return sum(tensor.count for tensor in self.tensors.values())

    @property
    def widest(self) -> int:
        """Bytes of the widest kind of number that more than a hundredth of the weights have."""
        counts: dict[int, int] = {}
        for tensor in self.tensors.values():
            bits = BITS.get(tensor.dtype, 32)
            counts[bits] = counts.get(bits, 0) + tensor.count
        common = [bits for bits, n in counts.items() if 100 * n > self.parameters]
        return max(common, default=32) // 8


def refuse_pointer(file: Path, shown: str) -> None:
    """Raises DamagedFileError for what lies in the place of a file that Git LFS has not fetched."""
    with file.open("rb") as opened:
        if opened.read(len(POINTER)) == POINTER:
            raise DamagedFileError(
                f"{shown} is a Git LFS pointer, not the file: run “git lfs pull” in its folder."
            )


def read(file: Path, shown: str = "") -> Header:
    """The header of a file that is whole. `shown` is what messages call it.

    Raises DamagedFileError for a Git LFS pointer, a damaged header, and a file that is shorter or
    longer than its header says.
    """
    try:
        status = file.stat()
    except (OSError, ValueError) as error:
        raise DamagedFileError(f"{shown or file.name} cannot be read: it is not there.") from error
    return _read(file, shown or file.name, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=256)
def _read(file: Path, shown: str, size: int, changed: int) -> Header:
    refuse_pointer(file, shown)
    with file.open("rb") as opened:
        try:
            (length,) = struct.unpack("<Q", opened.read(8))
            if length > min(LONGEST, size - 8):
                raise ValueError("the header is longer than the file")
            tensors, metadata, end = _parsed(opened.read(length))
        except (ValueError, KeyError, TypeError, struct.error, RecursionError) as error:
            raise DamagedFileError(
                f"{shown} is damaged, or is no .safetensors file: download it again."
            ) from error
    if 8 + length + end != size:
        raise DamagedFileError(
            f"{shown} is incomplete or damaged: {size:,} of {8 + length + end:,} bytes are there; "
            "download it again."
        )
    return Header(tensors, metadata, size)


def _parsed(raw: bytes) -> tuple[dict[str, Tensor], dict[str, str], int]:
    """Tensors, metadata, and where the last tensor ends. Places follow each other without gaps."""
    said = json.loads(raw)
    if not isinstance(said, dict):
        raise TypeError("no table")
    metadata = said.pop("__metadata__", {})
    if not isinstance(metadata, dict):
        raise TypeError("no metadata")
    tensors, end = {}, 0
    for name, facts in sorted(said.items(), key=lambda item: item[1]["data_offsets"]):
        start, stop = facts["data_offsets"]
        shape = tuple(facts["shape"])
        bits = BITS[facts["dtype"]] * math.prod(shape)
        whole = all(type(n) is int and n >= 0 for n in (*shape, start, stop))
        if not whole or start != end or 8 * (stop - start) != bits:
            raise ValueError("a tensor's place does not fit its shape")
        tensors[name] = Tensor(facts["dtype"], shape)
        end = stop
    return tensors, metadata, end
