"""Stable Diffusion 3 and 3.5 (Esser et al. 2024, arXiv 2403.03206).

The sequence of tokens is 77 of both CLIP text encoders side by side, then those of T5.
"""

from collections.abc import Sequence

from torch import Tensor

from playground.models import encode
from playground.models.families.joint import JointModel
from playground.models.families.stock import StockModel
from playground.models.prompt import PADDING, Condition, Prompt, Stream, embeds_of

T5_TOKENS = 256


class SD3Model(StockModel):
    """A `SD3Transformer2DModel`; a word has tokens in two streams."""

    even = False

    @classmethod
    def from_pipeline(cls, name, pipeline, preview_map):
        """Of a pipeline with one text encoder of three, as ours, a `JointModel`."""
        if pipeline.text_encoder_2 is None:
            return JointModel.from_pipeline(name, pipeline, preview_map)
        return super().from_pipeline(name, pipeline, preview_map)

    def _encode(self, text: str) -> Prompt:
        pipeline = self.pipeline
        embeds, _, pooled, _ = pipeline.encode_prompt(
            text, None, None, self.text_encoder.device, do_classifier_free_guidance=False,
            max_sequence_length=T5_TOKENS,
        )  # fmt: skip
        tokenizers = {"CLIP": (self.tokenizer, pipeline.tokenizer_max_length)}
        if pipeline.tokenizer_3 is not None and pipeline.text_encoder_3 is not None:
            tokenizers["T5"] = pipeline.tokenizer_3, T5_TOKENS
        streams, parts, cuts = [], [], []
        for name, (tokenizer, length) in tokenizers.items():
            stream = encode.stream_of(tokenizer, text, name, length)
            words, cut = encode.words_of(tokenizer, text, stream)
            streams.append(stream)
            parts.append(words)
            cuts.append(cut)
        if "T5" not in tokenizers:  # the pipeline then has zeros in its place
            streams.append(Stream("T5", (0,) * T5_TOKENS, (), (PADDING,) * T5_TOKENS))
            parts.append(())
        words = encode.joined(parts, streams)
        return Prompt(
            text, tuple(streams), words, embeds.float().cpu(), pooled.float().cpu(),
            min(cuts, key=len),
        )  # fmt: skip

    def _said(self, latents: Tensor, times: Tensor, conditions: Sequence[Condition]) -> Tensor:
        return self.network(
            latents, encoder_hidden_states=self._cast(embeds_of(conditions)),
            pooled_projections=self._pooled(conditions), timestep=times, return_dict=False,
        )[0]  # fmt: skip
