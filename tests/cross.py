"""What tests ask of families with cross-attention: our picture, and the stock pipeline's."""

import functools
from pathlib import Path

import diffusers
import numpy as np
import torch
from torch import nn

from playground.engine.engine import Engine
from playground.engine.events import Picture
from playground.models import families
from playground.recipe import Recipe

SMALL = {"width": 128, "height": 96, "steps": 4, "seed": 5}
WORDS = "A photo of a dog and a red apple, a dog"
AS_ASKED = {"use_resolution_binning": False, "clean_caption": False}  # not cleaned, not resized
MADE_FOR = {  # of each family its own sampler, w, and what its pipeline is told besides
    "sd15": ("pndm", 5.0, {}),
    "sd21": ("ddim", 5.0, {}),
    "lcm": ("lcm", 8.5, {}),
    "sdxl": ("euler", 5.0, {}),
    "sdxl_turbo": ("euler_a", 1.0, {}),
    "pixart": ("dpmpp_2m", 4.5, AS_ASKED),
    "sana": ("euler", 4.5, AS_ASKED),
}
READS = ("sd15", "sdxl", "pixart", "sana")  # one of each kind of text


def model_of(pipeline, name: str = "tiny"):
    family = families.get(type(pipeline).__name__)
    return family.load_class().from_pipeline(name, pipeline, torch.zeros(5, 3))


def loaded(folder: Path):
    """The stock pipeline of a folder."""
    pipeline = diffusers.DiffusionPipeline.from_pretrained(folder, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    for part in pipeline.components.values():
        if isinstance(part, nn.Module):
            part.eval().requires_grad_(False)
    return pipeline


class Both:
    """A stock pipeline and our model of it: they share their weights."""

    def __init__(self, folder: Path, family: str):
        self.family, self.pipeline = family, loaded(folder)
        self.model = model_of(self.pipeline)
        self.sampler, self.w, self.told = MADE_FOR[family]
        self.draw = functools.cache(self._draw)

    @property
    def network(self) -> nn.Module:
        return self.model.network

    def recipe(self, **changed) -> Recipe:
        made = {"prompt": WORDS, "sampler": self.sampler, "guidance": self.w, **SMALL}
        return Recipe(**made | changed)

    def _draw(self, **changed) -> Picture:
        return Engine(self.model).draw(self.recipe(**changed))

    def stock(self, scheduler=None, prompt: str = WORDS, **options) -> np.ndarray:
        """The pipeline's latents [c, h, w] for the same seed."""
        own = self.pipeline.scheduler
        self.pipeline.scheduler = scheduler or own
        asked = {"height": 96, "width": 128, "num_inference_steps": 4, "guidance_scale": self.w}
        try:
            return self.pipeline(
                prompt, output_type="latent", generator=torch.Generator().manual_seed(5),
                **asked | self.told | options,
            )[0][0].numpy()  # fmt: skip
        finally:
            self.pipeline.scheduler = own


def same(found: np.ndarray, expected: np.ndarray) -> None:
    """Equal within 1e-4 of latents of unit spread: some random networks make them far larger."""
    assert np.isfinite(expected).all()
    np.testing.assert_allclose(found, expected, atol=1e-4 * max(1, expected.std()), rtol=0)
