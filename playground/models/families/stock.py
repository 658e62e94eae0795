"""What transformers share that come with a pipeline of diffusers.

Words are encoded by the pipeline's own `encode_prompt`, so that the numbers are the stock ones.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from playground.diffusion.levels import Level
from playground.models import families
from playground.models.families.schedule import config_of
from playground.models.latent import LatentModel, UnsupportedNetworkError
from playground.models.prompt import Condition

SIDE = 128  # positions a side of the latents that these families are made for: 1024 pixels
# The line of μ, where a scheduler's configuration does not say.
TOKENS = {"base_image_seq_len": 256, "max_image_seq_len": 4096}
SHIFTS = {"base_shift": 0.5, "max_shift": 1.15}


class StockModel(LatentModel):
    """A family says how text is encoded (`_encode`) and how its network is asked (`_said`).

    `needs` are settings of the network's configuration, and the values with which it needs no more
    inputs than it is given here; UnsupportedNetworkError is raised for others.
    """

    needs: tuple[tuple[str, object], ...] = ()
    patch = 2  # latents' positions a side of what the network sees as one position
    even = True  # whether the pipeline asks for σ in equal steps, before they are shifted

    @classmethod
    def from_pipeline(cls, name: str, pipeline: Any, preview_map: Any) -> "StockModel":
        """The model of a stock pipeline whose parts are loaded, in evaluation mode."""
        return cls(name, pipeline, preview_map)

    def __init__(self, name: str, pipeline: Any, preview_map: Any):
        network, vae = pipeline.transformer, pipeline.vae
        for setting, value in self.needs:
            if (found := network.config.get(setting, value)) != value:
                raise UnsupportedNetworkError(
                    f"{name} cannot be drawn: its transformer has {setting} = {found!r}."
                )
        super().__init__(
            name, vae, pipeline.text_encoder, pipeline.tokenizer, network,
            config_of(name, pipeline.scheduler), preview_map,
            channels=vae.config.get("latent_channels") or vae.config.z_dim,
            size=network.config.get("sample_size") or SIDE, factor=pipeline.vae_scale_factor,
        )  # fmt: skip
        self.pipeline, self.multiple = pipeline, self.factor * self.patch
        self.guidance_kind = families.get(type(pipeline).__name__).guidance(network.config)

    def timing(self, steps: int, height: int, width: int) -> dict[str, Any]:
        """What the pipeline tells its scheduler: σ before the shift, and the shift's exponent μ.

        μ is on a line through (base_image_seq_len, base_shift) and (max_image_seq_len, max_shift)
        at the number of image tokens (Esser et al. 2024, arXiv 2403.03206, section 5.3.2: more
        tokens need more noise); `calculate_shift` in diffusers.
        """
        found: dict[str, Any] = {}
        if self.even:
            found["sigmas"] = np.linspace(1, 1 / steps, steps)
        config = self.scheduler_config
        if config.get("use_dynamic_shifting"):
            tokens = (height // self.multiple) * (width // self.multiple)
            first, last = (config.get(k, v) for k, v in TOKENS.items())
            low, high = (config.get(k, v) for k, v in SHIFTS.items())
            slope = (high - low) / (last - first)
            found["mu"] = tokens * slope + low - slope * first
        return found

    @torch.inference_mode()
    def predict(
        self, latents: Tensor, at: Sequence[Level], conditions: Sequence[Condition]
    ) -> Tensor:
        times = torch.tensor([level.t for level in at], device=self._like.device)
        with self.network_lock:
            return self._said(self._cast(latents), times, conditions).float().cpu()

    @abstractmethod
    def _said(self, latents: Tensor, times: Tensor, conditions: Sequence[Condition]) -> Tensor:
        """What the network says of rows [n, c, h, w] at timesteps [n] in 0 … 1000: ε − x0 where it
        was trained on rectified flow.
        """

    def _pooled(self, conditions: Sequence[Condition]) -> Tensor:
        return self._cast(torch.cat([c.prompt.pooled for c in conditions]))  # type: ignore[misc]

    def _padded(self, conditions: Sequence[Condition]) -> tuple[Tensor, Tensor]:
        """Embeds [rows, longest, width] of texts of any lengths, and a mask of their tokens."""
        texts = [condition.prompt.embeds[0] for condition in conditions]
        mask = pad_sequence([torch.ones(len(t), dtype=torch.bool) for t in texts], True, False)
        return self._cast(pad_sequence(texts, True)), mask.to(self._like.device)


def packed(latents: Tensor) -> Tensor:
    """[rows, c, h, w] → tokens [rows, h/2·w/2, 4c]: channels, then the 2 × 2 positions."""
    patches = latents.unflatten(3, (-1, 2)).unflatten(2, (-1, 2))  # [rows, c, h/2, 2, w/2, 2]
    return patches.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)


def unpacked(tokens: Tensor, height: int, width: int) -> Tensor:
    """The inverse of `packed` for latents of that height and width."""
    patches = tokens.unflatten(2, (-1, 2, 2)).unflatten(1, (height // 2, width // 2))
    return patches.permute(0, 3, 1, 4, 2, 5).flatten(4).flatten(2, 3)
