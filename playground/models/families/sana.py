"""Sana (Xie et al. 2024, arXiv 2410.10629): Gemma reads an instruction, then the words."""

from collections.abc import Sequence
from inspect import signature

import torch
from torch import Tensor

from playground.models import encode, words
from playground.models.families.pixart import MaskedModel
from playground.models.prompt import CONTENT, END, PADDING, START, Condition, Prompt, Stream

TOKENS = 300  # of Gemma: the first of all, and the last after the instruction


class SanaModel(MaskedModel):
    """A `SanaTransformer2DModel`: rectified flow in latents of 32 pixels a position.

    Prompts are read in lower case, after the instruction that its pipeline puts before them; a
    negative prompt has none.
    """

    needs = (("guidance_embeds", False),)
    patch = 1
    negative_differs = True

    def _encode(self, text: str) -> Prompt:
        call = signature(type(self.pipeline).__call__)
        return self._read_after(text, call.parameters["complex_human_instruction"].default)

    def _encode_negative(self, text: str) -> Prompt:
        return self._read_after(text, [])

    def _read_after(self, text: str, instruction: list[str]) -> Prompt:
        embeds, _, _, _ = self.pipeline.encode_prompt(
            text, False, device=self.text_encoder.device, clean_caption=False,
            max_sequence_length=TOKENS, complex_human_instruction=instruction,
        )  # fmt: skip
        stream, found = self._stream(encode.lowered(text), "\n".join(instruction))
        kept, cut = encode.in_original(text, found)
        return Prompt(text, (stream,), kept, embeds.float().cpu(), cut=cut)

    def _stream(self, said: str, before: str) -> tuple[Stream, list[words.Word]]:
        """The tokens that the network sees, as its pipeline selects them, and the words in them."""
        tokenizer = self.tokenizer
        first = len(tokenizer(before)["input_ids"]) - 2 if before else 0
        read = tokenizer(
            before + said, padding="max_length", truncation=True, max_length=first + TOKENS,
            return_offsets_mapping=True,
        )  # fmt: skip
        seen = [0, *range(first + 1, first + TOKENS)]
        offsets = [tuple(at - len(before) for at in read["offset_mapping"][i]) for i in seen]
        roles = tuple(
            PADDING if not read["attention_mask"][i]
            else CONTENT if b > max(a, 0)
            else START if i < 1 or b <= 0
            else END
            for i, (a, b) in zip(seen, offsets, strict=True)
        )  # fmt: skip
        ids = tuple(read["input_ids"][i] for i in seen)
        kept = [token for token, role in zip(ids, roles, strict=True) if role != PADDING]
        stream = Stream("Gemma", ids, tuple(tokenizer.convert_ids_to_tokens(kept)), roles)
        at = [o if role == CONTENT else (0, 0) for o, role in zip(offsets, roles, strict=True)]
        found = words.align(said, at)
        end = max((b for _, b in at), default=0)  # a word beyond it was cut off, or in its middle
        return stream, [word for word in found if word.tokens and word.end <= end]

    def _said(self, latents: Tensor, times: Tensor, conditions: Sequence[Condition]) -> Tensor:
        told = {"timestep": times * self.network.config.timestep_scale}
        return self.network(latents, **told, **self._masked(conditions), return_dict=False)[0]

    @torch.inference_mode()
    def latents_of(self, picture) -> Tensor:
        pixels = torch.tensor(picture).float().movedim(-1, 0)[None] / 127.5 - 1
        with self.staying():
            encoded = self.vae.encode(self._for_vae(pixels)).latent
        return encoded.float().cpu() * self.vae.config.scaling_factor
