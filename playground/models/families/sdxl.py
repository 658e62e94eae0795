"""SDXL (Podell et al. 2023, arXiv 2307.01952), Turbo and Lightning: two CLIP text encoders."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from playground.models.families.schedule import config_of
from playground.models.families.unet import UNetModel
from playground.models.prompt import Condition, Prompt


class SDXLModel(UNetModel):
    """A U-Net that reads hidden states of two text encoders side by side, and is told the size.

    An empty negative prompt is zeros in the place of embeds and pooled output, where the pipeline's
    `force_zeros_for_empty_prompt` says that the network was trained with these. Its pipeline draws
    the same for `negative_prompt=None`; `negative_prompt=""` is another picture there, from the
    encoded empty prompt.
    """

    given = (("addition_embed_type", "text_time"),)
    side = 1024

    def __init__(self, name: str, pipeline: Any, preview_map: Any):
        towers = [pipeline.text_encoder, pipeline.text_encoder_2]
        super().__init__(
            name, pipeline.vae, pipeline.text_encoder_2,
            pipeline.tokenizer or pipeline.tokenizer_2, pipeline.unet,
            config_of(name, pipeline.scheduler), preview_map,
            text_width=sum(tower.config.hidden_size for tower in towers if tower),
        )  # fmt: skip
        self.pipeline = pipeline
        self.negative_differs = bool(pipeline.config.force_zeros_for_empty_prompt)

    @classmethod
    def from_pipeline(cls, name: str, pipeline: Any, preview_map: Any) -> "SDXLModel":
        return cls(name, pipeline, preview_map)

    def _encode(self, text: str) -> Prompt:
        embeds, _, pooled, _ = self.pipeline.encode_prompt(
            text, device=self.text_encoder.device, do_classifier_free_guidance=False
        )
        return self._prompt(text, embeds.float().cpu(), pooled.float().cpu())

    def _encode_negative(self, text: str) -> Prompt:
        said = self._encode(text)
        if text or said.pooled is None:
            return said
        return self._prompt(text, torch.zeros_like(said.embeds), torch.zeros_like(said.pooled))

    def _prompt(self, text: str, embeds: Tensor, pooled: Tensor) -> Prompt:
        # Both text encoders have the same tokens; only their padding differs.
        stream, words, cut = self._read(text, self.tokenizer.model_max_length)
        return Prompt(
            text, (stream,), words, embeds, pooled, cut, projections=self._projections(embeds)
        )

    def _further(self, latents: Tensor, conditions: Sequence[Condition]) -> dict[str, Any]:
        """Also the pooled output, and sizes as numbers: of the picture, its crop, and what is asked
        for, all (height, width) (section 2.2 of the paper).
        """
        asked = tuple(side * self.factor for side in latents.shape[2:])
        sizes = [condition.size or asked for condition in conditions]
        pooled = torch.cat([c.prompt.pooled for c in conditions])  # type: ignore[misc]
        told = {
            "text_embeds": self._cast(pooled),
            "time_ids": self._cast(torch.tensor([[*size, 0, 0, *size] for size in sizes])),
        }
        return {**super()._further(latents, conditions), "added_cond_kwargs": told}
