"""Qwen-Image (Wu et al. 2025, arXiv 2508.02324): Qwen2.5-VL reads the prompt inside a template."""

from collections.abc import Sequence

import torch
from torch import Tensor

from playground.models import encode
from playground.models.families.stock import StockModel, packed, unpacked
from playground.models.prompt import Condition, Prompt

TOKENS = 512  # what follows the template's beginning


class QwenImageModel(StockModel):
    """A `QwenImageTransformer2DModel`, with an autoencoder of videos: a picture is one frame."""

    needs = (
        ("guidance_embeds", False),
        ("zero_cond_t", False),
        ("use_additional_t_cond", False),
        ("use_layer3d_rope", False),
    )

    def __init__(self, name, pipeline, preview_map):
        super().__init__(name, pipeline, preview_map)
        mean, std = self.vae.config.latents_mean, self.vae.config.latents_std
        self._mean, self._std = (torch.tensor(x).view(1, -1, 1, 1) for x in (mean, std))

    def _encode(self, text: str) -> Prompt:
        embeds, _ = self.pipeline.encode_prompt(
            text, self.text_encoder.device, max_sequence_length=TOKENS
        )
        before, after = self.pipeline.prompt_template_encode.split("{}")
        stream, words, cut = encode.inside(
            self.tokenizer, text, "Qwen2.5-VL", TOKENS, before, after,
            drop=self.pipeline.prompt_template_encode_start_idx,
        )  # fmt: skip
        return Prompt(text, (stream,), words, embeds.float().cpu(), cut=cut)

    def _said(self, latents: Tensor, times: Tensor, conditions: Sequence[Condition]) -> Tensor:
        height, width = latents.shape[2:]
        embeds, mask = self._padded(conditions)
        said = self.network(
            packed(latents), embeds, None if mask.all() else mask, times / 1000,
            img_shapes=[[(1, height // 2, width // 2)]] * len(latents), return_dict=False,
        )[0]  # fmt: skip
        return unpacked(said, height, width)

    def pixels(self, latents: Tensor) -> Tensor:
        frames = (latents * self._std + self._mean).unsqueeze(2)
        with self.staying():
            pixels = self.vae.decode(self._for_vae(frames)).sample[:, :, 0]
        return pixels.float().cpu().movedim(1, -1)

    @torch.inference_mode()
    def latents_of(self, picture) -> Tensor:
        pixels = torch.tensor(picture).float().movedim(-1, 0)[None, :, None] / 127.5 - 1
        with self.staying():
            encoded = self.vae.encode(self._for_vae(pixels)).latent_dist.mode()
        return (encoded[:, :, 0].float().cpu() - self._mean) / self._std
