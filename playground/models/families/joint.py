"""Transformers in which image and text attend to each other (Esser et al. 2024, arXiv 2403.03206).

Ours reads one CLIP text encoder: its last hidden states and its pooled output.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from playground.diffusion.guidance import CLASSIFIER_FREE
from playground.diffusion.levels import Level
from playground.models.latent import LatentModel
from playground.models.prompt import Condition, Prompt, embeds_of

SHORT = 32  # tokens: most prompts fit, and attention over fewer tokens is faster


class JointModel(LatentModel):
    """A `SD3Transformer2DModel`: rows of a call may have text of different lengths."""

    guidance_kind = CLASSIFIER_FREE

    def __init__(
        self, name, vae, text_encoder, tokenizer, transformer, scheduler_config, preview_map
    ):
        super().__init__(
            name, vae, text_encoder, tokenizer, transformer, scheduler_config, preview_map
        )
        self.multiple = self.factor * transformer.config.patch_size

    @classmethod
    def from_pipeline(cls, name, pipeline, preview_map) -> "JointModel":
        return cls(
            name, pipeline.vae, pipeline.text_encoder, pipeline.tokenizer, pipeline.transformer,
            pipeline.scheduler.config, preview_map,
        )  # fmt: skip

    def _encode(self, text: str) -> Prompt:
        fits = len(self.tokenizer(text)["input_ids"]) <= SHORT
        length = SHORT if fits else self.tokenizer.model_max_length
        stream, words, cut = self._read(text, length)
        said = self._states(stream)
        return Prompt(
            text, (stream,), words, said.last_hidden_state.float().cpu(),
            pooled=said.pooler_output.float().cpu(), cut=cut,
        )  # fmt: skip

    def timing(self, steps: int, height: int, width: int) -> dict[str, Any]:
        """σ in equal steps from 1 to 0, as many pipelines of rectified flow ask for."""
        return {"sigmas": np.linspace(1, 1 / steps, steps)}

    def calls(self, conditions: Sequence[Condition]) -> list[list[int]]:
        """Rows whose texts have the same length."""
        lengths = [condition.prompt.embeds.shape[1] for condition in conditions]
        return [
            [i for i, n in enumerate(lengths) if n == length] for length in sorted(set(lengths))
        ]

    @torch.inference_mode()
    def predict(
        self, latents: Tensor, at: Sequence[Level], conditions: Sequence[Condition]
    ) -> Tensor:
        said = torch.empty_like(latents)
        with self.network_lock:
            for rows in self.calls(conditions):
                mine = [conditions[i] for i in rows]
                pooled = [c.prompt.pooled for c in mine if c.prompt.pooled is not None]
                said[rows] = self.network(
                    self._cast(latents[rows]),
                    encoder_hidden_states=self._cast(embeds_of(mine)),
                    pooled_projections=self._cast(torch.cat(pooled)),
                    timestep=torch.tensor([at[i].t for i in rows], device=self._like.device),
                    return_dict=False,
                )[0].float().cpu()  # fmt: skip
        return said
