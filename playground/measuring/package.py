"""attention-map-diffusers 1.0.0 itself, where it is installed (`requirements-benchmark.txt`).

Only compared with: nothing of the playground needs it.
"""

from importlib import metadata, util

import torch
import torch.nn.functional as F
from diffusers import StableDiffusionPipeline
from torch import Tensor

from playground.models import specs

NAME = "attention-map-diffusers"
ABSENT = f"{NAME} is not installed (`pip install -r requirements-benchmark.txt`): no row of it."


def installed() -> bool:
    return util.find_spec("attention_map_diffusers") is not None


def label() -> str:
    return f"{NAME} {metadata.version(NAME)} itself"


def pipeline(name: str) -> StableDiffusionPipeline:
    """The model as stock diffusers loads it."""
    pipe = StableDiffusionPipeline.from_pretrained(specs.get(name).folder, local_files_only=True)
    pipe.set_progress_bar_config(disable=True)
    return pipe


@torch.inference_mode()
def maps(pipe: StableDiffusionPipeline, noisy: Tensor, t: int, prompts: list) -> list[Tensor]:
    """What it makes of one network call: per row, maps of the words [words, h, w].

    As it says of itself: the mean over heads and, enlarged to the finest grid, over layers.
    """
    from attention_map_diffusers import AttentionCapture

    with AttentionCapture(pipe) as capture:
        pipe.unet(noisy, float(t), torch.cat([p.embeds for p in prompts]))
    layers = []
    for record in capture.compute():
        grid = (record.q_shape.height, record.q_shape.width)
        found = record.data if record.data.ndim == 3 else record.data.mean(1)
        layers.append(found.float().mT.unflatten(2, grid))  # [rows, tokens, h, w]
    finest = max(tuple(layer.shape[2:]) for layer in layers)
    mean = torch.stack(
        [F.interpolate(x, finest, mode="bilinear", align_corners=False) for x in layers]
    ).mean(0)
    return [
        torch.stack([row[list(w.tokens)].mean(0) for w in p.words])
        for row, p in zip(mean, prompts, strict=True)
    ]
