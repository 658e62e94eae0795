"""One face for every model: encode words, predict noise, decode latents, preview them."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from diffusers.models.attention_processor import Attention
from torch import Tensor, nn

from playground.models import words

KEPT_PROMPTS = 256
# Settings of a U-Net that ask for inputs besides latents, timestep and embeds.
FURTHER_INPUTS = ("encoder_hid_dim_type", "addition_embed_type", "class_embed_type")


@dataclass(frozen=True, eq=False)
class Prompt:
    """Words as the network reads them.

    `embeds` [1, tokens, width]; `columns` [tokens] sends each token position to its row in a
    word map: 0 the start token, then the content tokens, the end token, and all padding in one.
    """

    text: str
    ids: tuple[int, ...]
    names: tuple[str, ...]  # the tokens that are not padding, as text
    embeds: Tensor
    words: tuple[words.Word, ...]
    columns: Tensor
    cut: tuple[str, ...] = ()  # words beyond the tokenizer's length
    projections: dict[str, Tensor] = field(default_factory=dict)  # keys and values, per layer

    @property
    def content(self) -> int:
        """Number of content tokens; they are rows 1 … content of a word map."""
        return len(self.names) - 2


class LatentModel:
    """A latent diffusion model: text tower, denoiser, autoencoder.

    Latents are [rows, channels, h, w] in the denoiser's scale, float32 on the CPU.
    `preview_map` [channels + 1, 3] is the linear map from latents (and 1) to RGB in [−1, 1].
    Raises ValueError for a denoiser that asks for more than latents, timestep and embeds.
    """

    def __init__(self, name, vae, tower, tokenizer, unet, scheduler_config, preview_map):
        for setting in FURTHER_INPUTS:
            if value := getattr(unet.config, setting, None):
                raise ValueError(f"{name} cannot be drawn: its U-Net has {setting} = {value!r}.")
        self.name, self.scheduler_config = name, dict(scheduler_config)
        self.vae, self.tower, self.tokenizer, self.unet = vae, tower, tokenizer, unet
        self.preview_map = torch.as_tensor(preview_map, dtype=torch.float32)
        self.factor = 2 ** (len(vae.config.block_out_channels) - 1)  # pixels per latent cell
        self.multiple = self.factor * 2 ** (len(unet.config.block_out_channels) - 1)
        self.cross_attention = {
            name: module
            for name, module in unet.named_modules()
            if isinstance(module, Attention) and module.is_cross_attention
        }
        self._prompts: OrderedDict[str, Prompt] = OrderedDict()
        self._lock = threading.Lock()  # of the kept prompts
        # One call at a time: it replaces forwards, and recording replaces processors around it.
        self.network_lock = threading.RLock()

    @torch.inference_mode()
    def encode(self, text: str) -> Prompt:
        """The prompt's embeds and words; computed once while it is among the recent ones."""
        with self._lock:
            if text not in self._prompts:
                self._prompts[text] = self._encode(text)
            self._prompts.move_to_end(text)
            while len(self._prompts) > KEPT_PROMPTS:
                self._prompts.popitem(last=False)
            return self._prompts[text]

    def _encode(self, text: str) -> Prompt:
        tokenizer = self.tokenizer
        length = tokenizer.model_max_length
        whole = tokenizer(text, return_offsets_mapping=True)
        ids, offsets = whole["input_ids"], whole["offset_mapping"]
        count = min(len(ids), length)  # start, content, end
        padded = tokenizer(
            text, padding="max_length", truncation=True, max_length=length, return_tensors="pt"
        ).input_ids
        unknown = frozenset(
            i for i, t in enumerate(ids) if t == tokenizer.unk_token_id and t is not None
        )
        every = words.align(text, offsets, unknown)
        kept = tuple(w for w in every if w.tokens and max(w.tokens) < count - 1)
        embeds = self.tower(padded).last_hidden_state
        projections = {
            # By the class's forward: another thread's tick may have replaced the module's own.
            f"{name}.{part}": nn.Linear.forward(getattr(attention, part), embeds)
            for name, attention in self.cross_attention.items()
            for part in ("to_k", "to_v")
        }
        return Prompt(
            text=text,
            ids=tuple(padded[0].tolist()),
            names=tuple(tokenizer.convert_ids_to_tokens(padded[0, :count])),
            embeds=embeds,
            words=kept,
            columns=torch.arange(length).clamp(max=count),
            cut=tuple(w.text for w in every if w not in kept),
            projections=projections,
        )

    def noise(self, generator: torch.Generator, height: int, width: int) -> Tensor:
        """Standard normal latents [1, channels, height/factor, width/factor]."""
        shape = (1, self.unet.config.in_channels, height // self.factor, width // self.factor)
        return torch.randn(shape, generator=generator)

    @torch.inference_mode()
    def predict(self, latents: Tensor, timesteps: Tensor, prompts: Sequence[Prompt]) -> Tensor:
        """The network's output for rows [n, c, h, w] at timesteps [n], one prompt a row."""
        with self.network_lock, shared_work(self, timesteps, prompts):
            return self.unet(
                latents, timesteps, torch.cat([p.embeds for p in prompts]), return_dict=False
            )[0]

    @torch.inference_mode()
    def decode(self, latents: Tensor) -> np.ndarray:
        """uint8 pictures [n, height, width, 3]."""
        return to_uint8(self.pixels(latents))

    def pixels(self, latents: Tensor) -> Tensor:
        """The decoder's pictures [n, height, width, 3], in [−1, 1] and a little beyond."""
        shift = getattr(self.vae.config, "shift_factor", None) or 0.0
        pixels = self.vae.decode(latents / self.vae.config.scaling_factor + shift).sample
        return pixels.movedim(1, -1)

    @torch.inference_mode()
    def preview(self, latents: Tensor) -> np.ndarray:
        """uint8 [n, h, w, 3]: the linear map's picture, one pixel per latent cell."""
        return to_uint8(self.preview_colours(latents))

    @torch.inference_mode()
    def preview_colours(self, latents: Tensor) -> Tensor:
        """The same before it is cut to what a screen can show: float32, [−1, 1] and beyond."""
        return latents.movedim(1, -1) @ self.preview_map[:-1] + self.preview_map[-1]


def to_uint8(pixels: Tensor) -> np.ndarray:
    """From [−1, 1] to 0 … 255."""
    return ((pixels.clamp(-1, 1) + 1) * 127.5).round().byte().numpy()


@contextmanager
def shared_work(model: LatentModel, timesteps: Tensor, prompts: Sequence[Prompt]) -> Iterator[None]:
    """Inside, text keys and values come from the prompts, and equal timesteps are embedded once.

    Both are the same numbers the network would compute for every row again.
    """
    _, inverse = torch.unique(timesteps, return_inverse=True)
    first = torch.stack([(inverse == i).nonzero()[0, 0] for i in range(int(inverse.max()) + 1)])
    embed = model.unet.time_embedding
    original = embed.forward
    with ExitStack() as scope:
        scope.enter_context(
            replaced(
                embed, lambda sample, condition=None: original(sample[first], condition)[inverse]
            )
        )
        for name, attention in model.cross_attention.items():
            for part in ("to_k", "to_v"):
                rows = torch.cat([prompt.projections[f"{name}.{part}"] for prompt in prompts])
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
