"""The consistency student as a LoRA of its teacher: small changes that make four calls enough.

What training changed in each layer is nearly of low rank, so a product of two thin matrices says it
(LoRA: Hu et al. 2021, arXiv 2106.09685, eq. 3; consistency as a LoRA: Luo et al. 2023, arXiv
2311.05556). Nothing is trained here: the nearest matrix of a rank is the cut singular value
decomposition of the change (Eckart & Young 1936).
"""

from pathlib import Path

import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import save_file
from torch import Tensor, nn

from playground.paths import ASSETS
from playground.training import consistency, export

FILE = ASSETS / "loras" / "few-steps.safetensors"
RANK, GUIDANCE = 16, 5.0
FIRST = "time_embedding.linear_1"  # the layer that w is told to, beside the timestep


def publish() -> None:
    """Write the shipped student's adapter. It takes seconds."""
    found = low_rank(changes(export.load_unet(), export.load_student(), GUIDANCE), RANK)
    write(found, FILE)


@torch.no_grad()
def changes(
    teacher: UNet2DConditionModel, student: UNet2DConditionModel, guidance: float
) -> dict[str, Tensor]:
    """W of the student − W of the teacher, by the names of the layers that have a matrix.

    The teacher has no input for w, so one w is written into the changes.
    """
    theirs = student.state_dict()
    found = {
        name: theirs[f"{name}.weight"] - module.weight
        for name, module in teacher.named_modules()
        if isinstance(module, nn.Linear | nn.Conv2d)
    }
    found[FIRST][:, constant(teacher)] += told(student, guidance)
    return found


def told(student: UNet2DConditionModel, guidance: float) -> Tensor:
    """What w adds in the student's first layer for the timestep, [out]: W·cond_proj(w)."""
    embedding = student.time_embedding
    scale = consistency.embed_guidance(torch.tensor([guidance]))
    return (embedding.linear_1.weight @ embedding.cond_proj(scale)[0]).detach()


def constant(teacher: UNet2DConditionModel) -> int:
    """Which number of the timestep's sinusoid hardly changes: its slowest cosine, from 0.99 to 1.

    A LoRA changes no bias; this column of the matrix is as good as one.
    """
    steps = consistency.new_schedule().config.num_train_timesteps
    return int(teacher.time_proj(torch.arange(steps)).std(0).argmin())


def low_rank(found: dict[str, Tensor], rank: int) -> dict[str, tuple[Tensor, Tensor]]:
    """A [rank, in] and B [out, rank] of each layer, B·A the nearest to its change.

    Of a convolution A is [rank, in, height, width] and B [out, rank, 1, 1].
    """
    return {name: _halves(change, rank) for name, change in found.items()}


def _halves(change: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    left, size, right = torch.linalg.svd(change.flatten(1), full_matrices=False)
    root = size[:rank].sqrt()
    a, b = root[:, None] * right[:rank], left[:, :rank] * root
    around = [1] * (change.dim() - 2)
    return a.reshape(-1, *change.shape[1:]), b.reshape(*b.shape, *around)


def write(found: dict[str, tuple[Tensor, Tensor]], file: Path) -> None:
    """A file that stock `load_lora_weights` reads, in half precision."""
    parts = {
        f"unet.{name}.lora_{half}.weight": matrix.half().contiguous()
        for name, halves in found.items()
        for half, matrix in zip("AB", halves, strict=True)
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file(parts, file)
