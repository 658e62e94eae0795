"""One face for every latent diffusion model: encode words, predict, decode latents, preview them.

Outside, tensors are float32 on the CPU; they are cast to the network's device and dtype at its
door and back, so that solvers and previews are the same everywhere.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import numpy as np
import torch
from diffusers.models.attention_processor import Attention
from torch import Tensor, nn

from playground.diffusion import levels
from playground.diffusion.guidance import CLASSIFIER_FREE, EMBEDDED
from playground.diffusion.levels import Level
from playground.models import encode
from playground.models.prompt import Condition, Prompt, embeds_of

KEPT_BYTES = 256_000_000  # of encoded prompts: embeds, text keys and values

# Settings of a U-Net that ask for inputs besides latents, timestep and embeds, or answer more than
# one prediction. The first values are those that ask for nothing.
FURTHER_INPUTS = {
    "encoder_hid_dim_type": None,
    "addition_embed_type": None,
    "class_embed_type": None,
    "num_class_embeds": None,
    "attention_type": "default",
}


class UnsupportedNetworkError(ValueError):
    """What a network asks for that nobody gives it, in one sentence."""


class LatentModel:
    """A latent diffusion model: text encoder, denoiser, autoencoder.

    Latents are [rows, channels, h, w] in the denoiser's scale, `factor` pixels a position; sides of
    pictures are multiples of `multiple`. `preview_map` [channels + 1, 3] is the linear map from
    latents (and 1) to RGB in [−1, 1]. `guidance_kind` says what w is for this network (see
    `diffusion.guidance`). Raises UnsupportedNetworkError for a denoiser that needs what it would
    not be given.
    """

    def __init__(self, name, vae, text_encoder, tokenizer, unet, scheduler_config, preview_map):
        _check(name, unet, vae, text_encoder)
        self.name, self.scheduler_config = name, dict(scheduler_config)
        self.vae, self.text_encoder, self.tokenizer, self.unet = vae, text_encoder, tokenizer, unet
        self.preview_map = torch.as_tensor(preview_map, dtype=torch.float32)
        self.channels = unet.config.in_channels
        self.size = _pair(unet.config.sample_size)  # (h, w) of the latents it was trained at
        self.factor = 2 ** (len(vae.config.block_out_channels) - 1)
        self.multiple = self.factor * 2 ** (len(unet.config.block_out_channels) - 1)
        self.guidance_kind = EMBEDDED if unet.config.time_cond_proj_dim else CLASSIFIER_FREE
        self.cross_attention = {
            name: module
            for name, module in unet.named_modules()
            if isinstance(module, Attention) and module.is_cross_attention
        }
        self._prompts: OrderedDict[str, Prompt] = OrderedDict()
        self._lock = threading.Lock()  # of the kept prompts
        # One call at a time: it replaces forwards, and recording hooks layers around it.
        self.network_lock = threading.RLock()

    @property
    def prediction(self) -> levels.Prediction:
        """What the network predicts."""
        return levels.prediction(self.scheduler_config.get("prediction_type", "epsilon"))

    @torch.inference_mode()
    def encode(self, text: str) -> Prompt:
        """The prompt's embeds and words; computed once while it is among the recent ones."""
        with self._lock:
            if text not in self._prompts:
                self._prompts[text] = self._encode(text)
            self._prompts.move_to_end(text)
            while len(self._prompts) > 1 and self.kept_bytes > KEPT_BYTES:
                self._prompts.popitem(last=False)
            return self._prompts[text]

    @property
    def kept_bytes(self) -> int:
        return sum(prompt.nbytes for prompt in self._prompts.values())

    def _encode(self, text: str) -> Prompt:
        stream = encode.stream_of(self.tokenizer, text, "CLIP")
        words, cut = encode.words_of(self.tokenizer, text, stream)
        ids = torch.tensor([stream.ids], device=self.text_encoder.device)
        embeds = self.text_encoder(ids).last_hidden_state.float().cpu()
        projections = {
            # By the class's forward: another thread's tick may have replaced the module's own.
            f"{name}.{part}": type(layer).forward(layer, self._cast(embeds))
            for name, attention in self.cross_attention.items()
            for part in ("to_k", "to_v")
            for layer in (getattr(attention, part),)
        }
        return Prompt(text, (stream,), words, embeds, cut=cut, projections=projections)

    def _cast(self, tensor: Tensor) -> Tensor:
        """As the network wants it; the same tensor where that is float32 on the CPU."""
        return tensor.to(self.unet.device, self.unet.dtype)

    def noise(self, generator: torch.Generator, height: int, width: int) -> Tensor:
        """Standard normal latents [1, channels, height/factor, width/factor]."""
        shape = (1, self.channels, height // self.factor, width // self.factor)
        return torch.randn(shape, generator=generator)

    @torch.inference_mode()
    def predict(
        self, latents: Tensor, at: Sequence[Level], conditions: Sequence[Condition]
    ) -> Tensor:
        """The network's output for rows [n, c, h, w], a level and a condition each."""
        timesteps = torch.tensor([level.t for level in at], device=self.unet.device)
        further = {}
        if self.guidance_kind is EMBEDDED:
            further["timestep_cond"] = self._cast(self._guidance_embeds(conditions))
        with self.network_lock, shared_work(self, timesteps, conditions):
            said = self.unet(
                self._cast(latents), timesteps, self._cast(embeds_of(conditions)),
                return_dict=False, **further,
            )[0]  # fmt: skip
        return said.float().cpu()

    def _guidance_embeds(self, conditions: Sequence[Condition]) -> Tensor:
        """[rows, time_cond_proj_dim]: the sinusoid of w − 1 (Luo et al. 2023, arXiv 2310.04378)."""
        from diffusers import LatentConsistencyModelPipeline  # it loads much that nobody else wants

        scales = torch.tensor([(condition.guidance or 0.0) - 1 for condition in conditions])
        width = self.unet.config.time_cond_proj_dim
        return LatentConsistencyModelPipeline.get_guidance_scale_embedding(None, scales, width)

    @torch.inference_mode()
    def decode(self, latents: Tensor) -> np.ndarray:
        """uint8 pictures [n, height, width, 3]."""
        return to_uint8(self.pixels(latents))

    def pixels(self, latents: Tensor) -> Tensor:
        """The decoder's pictures [n, height, width, 3], in [−1, 1] and a little beyond."""
        shift = getattr(self.vae.config, "shift_factor", None) or 0.0
        scaled = latents / self.vae.config.scaling_factor + shift
        pixels = self.vae.decode(scaled.to(self.vae.device, self.vae.dtype)).sample
        return pixels.float().cpu().movedim(1, -1)

    @torch.inference_mode()
    def latents_of(self, picture: np.ndarray) -> Tensor:
        """Latents [1, channels, h, w] of a picture, uint8 [height, width, 3]."""
        pixels = torch.from_numpy(picture).float().movedim(-1, 0)[None] / 127.5 - 1
        shift = getattr(self.vae.config, "shift_factor", None) or 0.0
        encoded = self.vae.encode(pixels.to(self.vae.device, self.vae.dtype)).latent_dist.mode()
        return (encoded.float().cpu() - shift) * self.vae.config.scaling_factor

    @torch.inference_mode()
    def preview(self, latents: Tensor) -> np.ndarray:
        """uint8 [n, h, w, 3]: the linear map's picture, one pixel per position of the latents."""
        return to_uint8(latents.movedim(1, -1) @ self.preview_map[:-1] + self.preview_map[-1])


def _check(name: str, unet, vae, text_encoder) -> None:
    config = unet.config
    for setting, nothing in FURTHER_INPUTS.items():
        if (value := getattr(config, setting, None)) not in (None, nothing):
            raise UnsupportedNetworkError(
                f"{name} cannot be drawn: its U-Net has {setting} = {value!r}."
            )
    wanted = {
        "in_channels": vae.config.latent_channels,  # more: inpainting, depth, another picture
        "out_channels": config.in_channels,  # more: a learned variance
        "cross_attention_dim": text_encoder.config.hidden_size,
    }
    for setting, expected in wanted.items():
        if (value := getattr(config, setting)) != expected:
            raise UnsupportedNetworkError(
                f"{name} cannot be drawn: its U-Net has {setting} = {value!r}, not {expected}."
            )


def _pair(side: int | Sequence[int]) -> tuple[int, int]:
    return (side, side) if isinstance(side, int) else (side[0], side[1])


def to_uint8(pixels: Tensor) -> np.ndarray:
    """From [−1, 1] to 0 … 255."""
    return ((pixels.clamp(-1, 1) + 1) * 127.5).round().byte().numpy()


@contextmanager
def shared_work(
    model: LatentModel, timesteps: Tensor, conditions: Sequence[Condition]
) -> Iterator[None]:
    """Inside, text keys and values come from the prompts, and equal timesteps are embedded once.

    Both are the same numbers that the network would compute for every row again. Rows that are told
    more than their timestep are embedded one by one.
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
        for name, attention in model.cross_attention.items():
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
