"""Z-Image (Alibaba 2025): Qwen3 reads the prompt as a message of a chat."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from playground.models import encode
from playground.models.families.stock import StockModel
from playground.models.prompt import PADDING, Condition, Prompt

TOKENS = 512
MULTIPLE = 32  # the network pads text and image to a multiple of so many tokens, and reads all
HERE = "\N{OBJECT REPLACEMENT CHARACTER}"  # stands for the prompt in the chat's template


class ZImageModel(StockModel):
    """A `ZImageTransformer2DModel`: it gets lists of rows, counts time from the noise, and says
    minus the velocity.
    """

    needs = (("siglip_feat_dim", None),)  # else it also reads other pictures

    def _encode(self, text: str) -> Prompt:
        (embeds,), _ = self.pipeline.encode_prompt(
            text, self.text_encoder.device, False, max_sequence_length=TOKENS
        )
        before, after = self.tokenizer.apply_chat_template(
            [{"role": "user", "content": HERE}], tokenize=False, add_generation_prompt=True,
            enable_thinking=True,
        ).split(HERE)  # fmt: skip
        stream, words, cut = encode.inside(self.tokenizer, text, "Qwen3", TOKENS, before, after)
        padding = -len(stream.ids) % MULTIPLE
        stream = replace(
            stream, ids=stream.ids + (self.tokenizer.pad_token_id or 0,) * padding,
            roles=stream.roles + (PADDING,) * padding,
        )  # fmt: skip
        return Prompt(text, (stream,), words, embeds[None].float().cpu(), cut=cut)

    def _said(self, latents: Tensor, times: Tensor, conditions: Sequence[Condition]) -> Tensor:
        texts = [self._cast(condition.prompt.embeds[0]) for condition in conditions]
        said = self.network(
            list(latents.unsqueeze(2)), (1000 - times) / 1000, texts, return_dict=False
        )[0]
        return -torch.stack(said).squeeze(2)
