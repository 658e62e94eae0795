"""Lumina Image 2.0 (Qin et al. 2025, arXiv 2503.21758): Gemma reads an instruction, then words."""

from collections.abc import Sequence

from torch import Tensor

from playground.models import encode
from playground.models.families.stock import StockModel
from playground.models.prompt import Condition, Prompt

TOKENS = 256  # of Gemma, the instruction among them


class LuminaModel(StockModel):
    """A `Lumina2Transformer2DModel`: it counts time from the noise and says minus the velocity.

    A prompt has the tokens that are no padding, since the network attends to these alone.
    """

    negative_differs = True  # it has no instruction

    def _encode(self, text: str) -> Prompt:
        embeds, mask, _, _ = self.pipeline.encode_prompt(
            text, False, device=self.text_encoder.device, max_sequence_length=TOKENS
        )
        before = f"{self.pipeline.system_prompt} <Prompt Start> "
        return self._prompt(text, before, embeds[:, mask[0].bool()])

    def _encode_negative(self, text: str) -> Prompt:
        _, _, embeds, mask = self.pipeline.encode_prompt(
            "", True, text, device=self.text_encoder.device, max_sequence_length=TOKENS
        )
        return self._prompt(text, "", embeds[:, mask[0].bool()])

    def _prompt(self, text: str, before: str, embeds: Tensor) -> Prompt:
        stream, words, cut = encode.inside(self.tokenizer, text, "Gemma", TOKENS, before)
        return Prompt(text, (stream,), words, embeds.float().cpu(), cut=cut)

    def _said(self, latents: Tensor, times: Tensor, conditions: Sequence[Condition]) -> Tensor:
        embeds, mask = self._padded(conditions)
        return -self.network(
            latents, 1 - times / 1000, embeds, mask.long(), return_dict=False
        )[0]  # fmt: skip
