"""Flux.1 (Black Forest Labs 2024): dev takes w as an input, schnell was distilled to few steps."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from playground.diffusion.guidance import EMBEDDED
from playground.models import encode
from playground.models.families.stock import StockModel, packed, unpacked
from playground.models.latent import UnsupportedNetworkError
from playground.models.prompt import Condition, Prompt, embeds_of

TOKENS = {"dev": 512, "schnell": 256}  # of T5


class FluxModel(StockModel):
    """A `FluxTransformer2DModel`: it attends to T5's tokens, padding too, and is told CLIP's pooled
    output.
    """

    def __init__(self, name, pipeline, preview_map):
        config, latents = pipeline.transformer.config, pipeline.vae.config.latent_channels
        if config.in_channels != 4 * latents:  # more: inpainting, depth, edges
            raise UnsupportedNetworkError(
                f"{name} cannot be drawn: its transformer has in_channels = {config.in_channels}, "
                f"not {4 * latents}."
            )
        super().__init__(name, pipeline, preview_map)
        self.tokens = TOKENS["dev" if config.guidance_embeds else "schnell"]

    def timing(self, steps: int, height: int, width: int) -> dict[str, Any]:
        """The pipeline leaves σ to schedulers that have a form of their own for rectified flow."""
        return super().timing(steps, height, width) | {"left_to_solvers": ("sigmas",)}

    def _encode(self, text: str) -> Prompt:
        embeds, pooled, _ = self.pipeline.encode_prompt(
            text, device=self.text_encoder.device, max_sequence_length=self.tokens
        )
        stream = encode.stream_of(self.pipeline.tokenizer_2, text, "T5", self.tokens)
        words, cut = encode.words_of(self.pipeline.tokenizer_2, text, stream)
        return Prompt(text, (stream,), words, embeds.float().cpu(), pooled.float().cpu(), cut)

    def _said(self, latents: Tensor, times: Tensor, conditions: Sequence[Condition]) -> Tensor:
        height, width = latents.shape[2:]
        guidance = None
        if self.guidance_kind is EMBEDDED:
            guidance = times.new_tensor([condition.guidance or 0.0 for condition in conditions])
        embeds = self._cast(embeds_of(conditions))
        places = self.pipeline._prepare_latent_image_ids(
            len(latents), height // 2, width // 2, times.device, torch.float32
        )
        said = self.network(
            packed(latents), encoder_hidden_states=embeds,
            pooled_projections=self._pooled(conditions), timestep=times / 1000, guidance=guidance,
            img_ids=places, txt_ids=places.new_zeros(embeds.shape[1], 3), return_dict=False,
        )[0]  # fmt: skip
        return unpacked(said, height, width)
