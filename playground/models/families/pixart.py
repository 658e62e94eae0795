"""PixArt-Sigma (Chen et al. 2024, arXiv 2403.04692): a transformer with cross-attention."""

from collections.abc import Sequence

import torch
from torch import Tensor

from playground.models import encode
from playground.models.families.stock import StockModel
from playground.models.prompt import PADDING, Condition, Prompt, embeds_of

TOKENS = 300  # of T5


class MaskedModel(StockModel):
    """Transformers that read one text encoder by cross-attention, its padding masked."""

    even = False

    def _masked(self, conditions: Sequence[Condition]) -> dict[str, Tensor]:
        """Text inputs of the network: embeds [rows, tokens, width], and 1 where a token is read."""
        roles = [condition.prompt.streams[0].roles for condition in conditions]
        mask = torch.tensor([[int(role != PADDING) for role in row] for row in roles])
        return {
            "encoder_hidden_states": self._cast(embeds_of(conditions)),
            "encoder_attention_mask": mask.to(self._like.device),
        }


class PixArtModel(MaskedModel):
    """A `PixArtTransformer2DModel` that predicts ε, and its variance besides, which samplers here
    do not use.

    It reads prompts in lower case. Its pipeline would also clean them of what looks like web pages,
    and draw at the nearest of its own sizes: here they are read and drawn as they are asked for.
    """

    needs = (("use_additional_conditions", False),)

    def _encode(self, text: str) -> Prompt:
        embeds, _, _, _ = self.pipeline.encode_prompt(
            text, False, device=self.text_encoder.device, clean_caption=False,
            max_sequence_length=TOKENS,
        )  # fmt: skip
        stream = encode.stream_of(self.tokenizer, encode.lowered(text), "T5", TOKENS)
        found, _ = encode.words_of(self.tokenizer, encode.lowered(text), stream)
        words, cut = encode.in_original(text, found)
        return Prompt(text, (stream,), words, embeds.float().cpu(), cut=cut)

    def _said(self, latents: Tensor, times: Tensor, conditions: Sequence[Condition]) -> Tensor:
        told = {"timestep": times, "added_cond_kwargs": {"resolution": None, "aspect_ratio": None}}
        said = self.network(latents, **told, **self._masked(conditions), return_dict=False)[0]
        return said[:, : self.channels]
