"""U-Nets that read one CLIP text encoder by cross-attention: Stable Diffusion 1.x and 2.x, our own.

Also those that take w as an input (Luo et al. 2023, arXiv 2310.04378).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from diffusers.models.attention_processor import Attention
from torch import Tensor, nn

from playground.diffusion.guidance import CLASSIFIER_FREE, EMBEDDED
from playground.diffusion.levels import Level
from playground.models.families.schedule import config_of
from playground.models.latent import LatentModel, UnsupportedNetworkError
from playground.models.prompt import Condition, Prompt, embeds_of

# Text keys and values of a prompt are kept if they are not larger: 7.7 MB in Stable Diffusion 1.5,
# but 51 MB in SDXL, where computing them again costs next to nothing of a call.
KEPT_PROJECTIONS = 10_000_000  # bytes

# Settings of a U-Net that needs inputs besides latents, timestep and embeds, or that returns more
# than one prediction. The first value of each needs nothing.
FURTHER_INPUTS = {
    "encoder_hid_dim_type": None,
    "addition_embed_type": None,
    "class_embed_type": None,
    "num_class_embeds": None,
    "attention_type": "default",
}


class UNetModel(LatentModel):
    """Raises UnsupportedNetworkError for a U-Net that needs what it would not be given.

    `given` are settings of FURTHER_INPUTS, with the value whose inputs a family gives.
    `text_width` is how wide its prompt embeds are, if that is not the text encoder's width.
    """

    given: tuple[tuple[str, object], ...] = ()
    side = 512  # pixels that it is made for, where its settings do not say

    def __init__(
        self, name, vae, text_encoder, tokenizer, unet, scheduler_config, preview_map,
        text_width: int | None = None,
    ):  # fmt: skip
        _check(name, unet, vae, text_width or text_encoder.config.hidden_size, self.given)
        factor = 2 ** (len(vae.config.block_out_channels) - 1)
        super().__init__(
            name, vae, text_encoder, tokenizer, unet, scheduler_config, preview_map,
            size=unet.config.sample_size or self.side // factor, factor=factor,
        )  # fmt: skip
        self.unet = unet
        self.multiple = self.factor  # the U-Net itself fits what it has halved to odd sizes
        self.guidance_kind = EMBEDDED if unet.config.time_cond_proj_dim else CLASSIFIER_FREE
        self.cross_attention = cross_attention_of(unet)

    @classmethod
    def from_pipeline(cls, name: str, pipeline: Any, preview_map: Any) -> "UNetModel":
        """The model of a stock pipeline whose parts are loaded, in evaluation mode."""
        return cls(
            name, pipeline.vae, pipeline.text_encoder, pipeline.tokenizer, pipeline.unet,
            config_of(name, pipeline.scheduler), preview_map,
        )  # fmt: skip

    def _encode(self, text: str) -> Prompt:
        stream, words, cut = self._read(text, self.tokenizer.model_max_length)
        embeds = self._states(stream).last_hidden_state.float().cpu()
        return Prompt(
            text, (stream,), words, embeds, cut=cut, projections=self._projections(embeds)
        )

    def _projections(self, embeds: Tensor) -> dict[str, Tensor]:
        """Text keys and values by layer; none where they would be large, or where the network is
        moved to its device for each call (accelerate's hooks).
        """
        layers = {
            f"{name}.{part}": getattr(attention, part)
            for name, attention in self.cross_attention.items()
            for part in ("to_k", "to_v")
        }
        numbers = embeds.shape[1] * sum(layer.out_features for layer in layers.values())
        if numbers * self._like.element_size() > KEPT_PROJECTIONS or hasattr(self.unet, "_hf_hook"):
            return {}
        # Ask the class's forward: a call in another thread may have replaced the module's own.
        return {
            name: type(layer).forward(layer, self._cast(embeds)) for name, layer in layers.items()
        }

    @torch.inference_mode()
    def predict(
        self, latents: Tensor, at: Sequence[Level], conditions: Sequence[Condition]
    ) -> Tensor:
        timesteps = torch.tensor([level.t for level in at], device=self._like.device)
        further = self._further(latents, conditions)
        with self.network_lock, shared_work(self, timesteps, conditions):
            said = self.unet(
                self._cast(latents), timesteps, self._cast(embeds_of(conditions)),
                return_dict=False, **further,
            )[0]  # fmt: skip
        return said.float().cpu()

    def _further(self, latents: Tensor, conditions: Sequence[Condition]) -> dict[str, Any]:
        """The network's inputs besides latents, timesteps and embeds."""
        if self.guidance_kind is not EMBEDDED:
            return {}
        return {"timestep_cond": self._cast(self.guidance_embeds(conditions))}

    def guidance_embeds(self, conditions: Sequence[Condition]) -> Tensor:
        """[rows, time_cond_proj_dim]: the sinusoid of w − 1 (Luo et al. 2023, arXiv 2310.04378)."""
        from diffusers import LatentConsistencyModelPipeline  # loads much that others do not need

        scales = torch.tensor([(condition.guidance or 0.0) - 1 for condition in conditions])
        width = self.unet.config.time_cond_proj_dim
        return LatentConsistencyModelPipeline.get_guidance_scale_embedding(None, scales, width)


def cross_attention_of(unet: nn.Module) -> dict[str, Attention]:
    """The layers that read words, by name."""
    return {
        name: module
        for name, module in unet.named_modules()
        if isinstance(module, Attention) and module.is_cross_attention
    }


def _check(name: str, unet, vae, text_width: int, given: tuple) -> None:
    config = unet.config
    for setting, nothing in FURTHER_INPUTS.items():
        value = getattr(config, setting, None)
        if value not in (None, nothing) and (setting, value) not in given:
            raise UnsupportedNetworkError(
                f"{name} cannot be drawn: its U-Net has {setting} = {value!r}."
            )
    wanted = {
        "in_channels": vae.config.latent_channels,  # more: inpainting, depth, another picture
        "out_channels": config.in_channels,  # more: a learned variance
        "cross_attention_dim": text_width,
    }
    for setting, expected in wanted.items():
        if (value := getattr(config, setting)) != expected:
            raise UnsupportedNetworkError(
                f"{name} cannot be drawn: its U-Net has {setting} = {value!r}, not {expected}."
            )


@contextmanager
def shared_work(
    model: UNetModel, timesteps: Tensor, conditions: Sequence[Condition]
) -> Iterator[None]:
    """Inside, text keys and values come from the prompts, if these have them, and equal timesteps
    are embedded once.

    Both are the numbers that the network would otherwise compute again for every row. Rows that
    have inputs besides their timestep are embedded one by one.
    """
    _, inverse = torch.unique(timesteps, return_inverse=True)
    first = torch.stack([(inverse == i).nonzero()[0, 0] for i in range(int(inverse.max()) + 1)])
    embed = model.unet.time_embedding
    original = embed.forward

    def embedded(sample: Tensor, condition: Tensor | None = None) -> Tensor:
        return (
            original(sample[first])[inverse] if condition is None else original(sample, condition)
        )

    with ExitStack() as scope:
        scope.enter_context(replaced(embed, embedded))
        kept = all(condition.prompt.projections for condition in conditions)
        for name, attention in model.cross_attention.items() if kept else ():
            for part in ("to_k", "to_v"):
                rows = torch.cat([c.prompt.projections[f"{name}.{part}"] for c in conditions])
                scope.enter_context(replaced(getattr(attention, part), lambda _, rows=rows: rows))
        yield


@contextmanager
def replaced(module: nn.Module, forward: Callable) -> Iterator[None]:
    """`module.forward` is `forward` inside and what it was before afterwards, also on errors."""
    before = module.__dict__.get("forward")
    module.forward = forward
    try:
        yield
    finally:
        if before is None:
            del module.forward
        else:
            module.forward = before
