"""One face for every latent diffusion model: encode words, predict, decode latents, preview them.

Tensors are float32 on the CPU. Only for a network call they are cast to the network's device and
dtype, and then back, so that solvers and previews are the same everywhere.
"""

import threading
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from playground import weighting
from playground.diffusion import levels, samplers
from playground.diffusion.guidance import COND, UNCOND, Kind
from playground.diffusion.levels import Level
from playground.models import encode
from playground.models.prompt import Condition, Prompt, Stream, as_typed
from playground.models.words import Word

KEPT_BYTES = 256_000_000  # of encoded prompts: embeds, text keys and values


class UnsupportedNetworkError(ValueError):
    """In one sentence, which input or setting of a network is not supported."""


class LatentModel(ABC):
    """A latent diffusion model: text encoder, denoiser, autoencoder. A family says how its denoiser
    reads words (`_encode`, `predict`).

    Latents are [rows, channels, h, w] in the denoiser's scale, `factor` pixels a spatial position;
    sides of pictures are multiples of `multiple`. `preview_map` [channels + 1, 3] is the linear map
    from latents (and 1) to RGB in [−1, 1]. `guidance_kind` says what w is for this network (see
    `diffusion.guidance`). `channels`, `size` and `factor` are said by a family where they are not
    in the network's and the autoencoder's configuration under their usual names.
    """

    multiple: int
    guidance_kind: Kind
    nbytes = 0  # of all its weights, where that is known
    device = ""  # where its networks compute, if that is not where their weights lie
    negative_differs = False  # whether the same words are encoded otherwise as a negative prompt

    def __init__(
        self, name, vae, text_encoder, tokenizer, network, scheduler_config, preview_map,
        *, channels=None, size=None, factor=None,
    ):  # fmt: skip
        self.name, self.scheduler_config = name, dict(scheduler_config)
        self.vae, self.text_encoder, self.tokenizer = vae, text_encoder, tokenizer
        self.network = network
        self.preview_map = torch.as_tensor(preview_map, dtype=torch.float32)
        self.channels = channels or network.config.in_channels
        # (h, w) of the latents it was trained at
        self.size = _pair(size or network.config.sample_size)
        self.factor = factor or 2 ** (len(vae.config.block_out_channels) - 1)
        self._prompts: OrderedDict[object, Prompt] = OrderedDict()
        self.renew_locks()

    def renew_locks(self) -> None:
        """New ones; also in a forked process, where nobody would release those that were held."""
        self._lock = threading.Lock()  # of the kept prompts
        # One call at a time, because a call replaces forwards and recording adds hooks to layers.
        self.network_lock = threading.RLock()

    def staying(self) -> AbstractContextManager:
        """Inside, no other call moves a part of the model away from its device.

        Where one part after the other is on the device (accelerate's hooks), each call of one moves
        others away, from whatever thread. Elsewhere nothing waits: calls may overlap.
        """
        return self.network_lock if hasattr(self.network, "_hf_hook") else nullcontext()

    @abstractmethod
    def _encode(self, text: str) -> Prompt:
        """The prompt as this family's network reads it."""

    def _encode_negative(self, text: str) -> Prompt:
        """The same where a family encodes a negative prompt in another way (`negative_differs`)."""
        return self._encode(text)

    def calls(self, conditions: Sequence[Condition]) -> list[list[int]]:
        """Which rows go into each network call of `predict`; empty if all go into one."""
        return []

    @abstractmethod
    def predict(
        self, latents: Tensor, at: Sequence[Level], conditions: Sequence[Condition]
    ) -> Tensor:
        """The network's output for rows [n, c, h, w], a level and a condition each."""

    @property
    def prediction(self) -> levels.Prediction:
        """What the network predicts."""
        if samplers.is_flow(self.scheduler_config):
            return levels.prediction("flow_prediction")
        return levels.prediction(self.scheduler_config.get("prediction_type", "epsilon"))

    @torch.inference_mode()
    def encode(self, text: str, branch: str = COND) -> Prompt:
        """The prompt's embeds, words and weights; computed once while it is among the recent ones.

        Raises RecipeError for impossible weights (see `weighting.read`).
        """
        key = (branch, text) if self.negative_differs else text
        with self._lock:
            if key in self._prompts:  # without waiting for the network
                self._prompts.move_to_end(key)
                return self._prompts[key]
        # In this order: who has the network may ask for a prompt.
        with self.staying(), self._lock:
            if key not in self._prompts:
                negative = self.negative_differs and branch == UNCOND
                said = weighting.read(text)
                found = (self._encode_negative if negative else self._encode)(said.text)
                self._prompts[key] = found if said.text == text else as_typed(found, said)
            self._prompts.move_to_end(key)
            while len(self._prompts) > 1 and self.kept_bytes > KEPT_BYTES:
                self._prompts.popitem(last=False)
            return self._prompts[key]

    def move(self, device: str) -> None:
        """All its weights to a device, and nothing that was made of them elsewhere."""
        pipeline = getattr(self, "pipeline", None)  # some families ask the stock one to encode
        parts = [*vars(self).values(), *(pipeline.components.values() if pipeline else ())]
        for part in parts:
            if isinstance(part, nn.Module):
                part.to(device)
        self.device = device
        with self._lock:
            self._prompts.clear()  # they hold text keys and values where the network was

    @property
    def kept_bytes(self) -> int:
        return sum(prompt.nbytes for prompt in self._prompts.values())

    def _read(self, text: str, length: int) -> tuple[Stream, tuple[Word, ...], tuple[str, ...]]:
        """The text encoder's stream of so many tokens, its words, and those that were cut off."""
        stream = encode.stream_of(self.tokenizer, text, "CLIP", length)
        return stream, *encode.words_of(self.tokenizer, text, stream)

    def _states(self, stream: Stream):
        """The text encoder's outputs for a stream."""
        return self.text_encoder(torch.tensor([stream.ids], device=self.text_encoder.device))

    def _cast(self, tensor: Tensor) -> Tensor:
        """On the network's device and in its dtype; no copy if that is float32 on the CPU."""
        return tensor.to(self._like)

    @property
    def _like(self) -> Tensor:
        """One of its parameters: diffusers' own dtype and device walk through all modules."""
        return next(self.network.parameters())

    def timing(self, steps: int, height: int, width: int) -> dict[str, Any]:
        """What a scheduler needs besides the number of steps: `sigmas`, `mu`."""
        return {}

    def noise(self, generator: torch.Generator, height: int, width: int) -> Tensor:
        """Standard normal latents [1, channels, height/factor, width/factor]."""
        shape = (1, self.channels, height // self.factor, width // self.factor)
        return torch.randn(shape, generator=generator)

    @torch.inference_mode()
    def decode(self, latents: Tensor) -> np.ndarray:
        """uint8 pictures [n, height, width, 3]."""
        return to_uint8(self.pixels(latents))

    def pixels(self, latents: Tensor) -> Tensor:
        """The decoder's pictures [n, height, width, 3], in [−1, 1] and a little beyond."""
        shift = getattr(self.vae.config, "shift_factor", None) or 0.0
        scaled = latents / self.vae.config.scaling_factor + shift
        with self.staying():
            pixels = self.vae.decode(self._for_vae(scaled)).sample
        return pixels.float().cpu().movedim(1, -1)

    def _for_vae(self, tensor: Tensor) -> Tensor:
        """On the autoencoder's device, or the one that it is moved to for each call; its dtype."""
        return tensor.to(self.device or self.vae.device, self.vae.dtype)

    @torch.inference_mode()
    def latents_of(self, picture: np.ndarray) -> Tensor:
        """Latents [1, channels, h, w] of a picture, uint8 [height, width, 3]."""
        pixels = torch.tensor(picture).float().movedim(-1, 0)[None] / 127.5 - 1
        shift = getattr(self.vae.config, "shift_factor", None) or 0.0
        with self.staying():
            said = self.vae.encode(self._for_vae(pixels))
        # AutoencoderTiny has no distribution.
        encoded = said.latent_dist.mode() if hasattr(said, "latent_dist") else said.latents
        return (encoded.float().cpu() - shift) * self.vae.config.scaling_factor

    @torch.inference_mode()
    def preview(self, latents: Tensor) -> np.ndarray:
        """uint8 [n, h, w, 3]: the linear map's picture, one pixel per position of the latents."""
        return to_uint8(latents.movedim(1, -1) @ self.preview_map[:-1] + self.preview_map[-1])


def _pair(side: int | Sequence[int]) -> tuple[int, int]:
    return (side, side) if isinstance(side, int) else (side[0], side[1])


def to_uint8(pixels: Tensor) -> np.ndarray:
    """From [−1, 1] to 0 … 255, by NumPy: PyTorch would wake all its threads for one picture."""
    values = pixels.float().cpu().numpy()
    return np.rint((values.clip(-1, 1) + 1) * 127.5).astype(np.uint8)
