"""The forward process: a picture's latents with more and more noise, one level a timestep.

x_t = √ᾱ_t·x_0 + √(1 − ᾱ_t)·ε (Ho et al. 2020, arXiv 2006.11239, eq. 4); its signal-to-noise
ratio is ᾱ/(1 − ᾱ) = 1/σ² (Kingma et al. 2021, arXiv 2107.00630). `Level.mix` is this sum.
"""

from collections.abc import Mapping
from typing import Any

from playground.diffusion import samplers
from playground.diffusion.levels import Level, flow, preserving


def training_levels(config: Mapping[str, Any]) -> tuple[Level, ...]:
    """The level of every timestep that a model was trained on, from its scheduler `config`, from
    the least noise to the most.
    """
    if samplers.is_flow(config):  # the network is told t = σ·steps
        steps = config.get("num_train_timesteps", 1000)
        return tuple(flow(t / steps, float(t)) for t in range(1, steps + 1))
    from diffusers import DDPMScheduler

    kept = DDPMScheduler.from_config(config).alphas_cumprod.tolist()
    return tuple(preserving(alpha_bar, float(t)) for t, alpha_bar in enumerate(kept))
