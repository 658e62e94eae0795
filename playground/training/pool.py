"""Scenes as latents with captions: few when a training begins, more while it goes on.

Renderers draw and describe in processes of their own; the training's device encodes what they
have drawn. What was encoded once is kept on the disk.
"""

import functools
import itertools
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from torch import Tensor

from playground.training import latents
from playground.training.device import Device
from playground.training.rendering import Ahead
from playground.training.run import write
from playground.training.scenes import CAPTIONS, chunk, style
from playground.world.scene import SIDE
from playground.world.tokens import MAX_LENGTH

SEED, CHUNK = 9, 250
START = (2_000, 30_000)  # scenes that a training begins with, on an accelerator more


class Pool:
    """Up to `size` scenes on the device, which `grow` adds to and `draw` takes from."""

    def __init__(self, model: AutoencoderKL, size: int, device: Device, seed: int = SEED):
        self.model, self.device = model.to(device.name), device
        chunks = -(-size // CHUNK)
        shape, kinds = (chunks * CHUNK, 4, SIDE // 8, SIDE // 8), {"device": device.name}
        self.latents = torch.empty(shape, dtype=torch.half, **kinds)
        self.tokens = torch.empty(shape[0], CAPTIONS, MAX_LENGTH, dtype=torch.int16, **kinds)
        self.filled = 0
        folder = latents.folder(model, device)
        self._files = [folder / f"{seed}-{style(seed)}-{index}.pt" for index in range(chunks)]
        kept = itertools.takewhile(Path.exists, self._files)
        for file in list(kept):
            self._add(*torch.load(file, map_location=device.name, weights_only=True))
        missing = range(self.filled // CHUNK, chunks)
        make = functools.partial(chunk, seed, size=CHUNK)
        self._renderers = Ahead(make, missing, device.renderers) if missing else None
        while self._renderers and self.filled < min(device.either(*START), size):
            self._take()

    def grow(self) -> None:
        """Add what the renderers have made, if it is ready; they end when the pool is full."""
        if self._renderers and self._renderers.ready:
            self._take()

    def draw(self, count: int) -> tuple[Tensor, Tensor]:
        """Random latents float32 [count, 4, 16, 16] with token ids [count, 77] of a caption."""
        scenes = torch.randint(self.filled, (count,), device=self.device.name)
        captions = torch.randint(CAPTIONS, (count,), device=self.device.name)
        return self.latents[scenes].float(), self.tokens[scenes, captions].long()

    def close(self) -> None:
        if self._renderers:
            self._renderers.close()
            self._renderers = None

    def _take(self) -> None:
        images, tokens = next(self._renderers)
        codes = latents.encode(self.model, images, self.device).half()
        said = torch.from_numpy(tokens)
        write((codes.cpu(), said), self._files[self.filled // CHUNK])
        self._add(codes, said)
        if self.filled == len(self.latents):
            self.close()

    def _add(self, codes: Tensor, tokens: Tensor) -> None:
        end = self.filled + CHUNK
        self.latents[self.filled : end], self.tokens[self.filled : end] = codes, tokens
        self.filled = end
