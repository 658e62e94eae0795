"""Corrections of diffusers' schedulers whose steps do not follow their own list of timesteps."""

import math
from typing import Any

import diffusers
import torch
from diffusers.schedulers.scheduling_ddim import DDIMSchedulerOutput
from diffusers.utils.torch_utils import randn_tensor
from torch import Tensor

from playground.diffusion import levels
from playground.diffusion.levels import Level, preserving


def named(name: str) -> Any:
    """diffusers' scheduler class of that name, corrected where needed."""
    return _MENDED.get(name) or getattr(diffusers, name)


def set_steps(scheduler, steps: int) -> None:
    """`scheduler.set_timesteps(steps)` without a timestep below 0.

    Trailing timesteps are t_i = round(T·(n − i)/n) − 1 for i = 0 … n − 1 (Lin et al. 2023, arXiv
    2305.08891, table 2). diffusers counts them down by the float T/n, and for some n, as 61, what
    is left at i = n is a little more than 0: there its list has one entry too many, −1.
    """
    scheduler.set_timesteps(steps)
    calls = int((scheduler.timesteps >= 0).sum())
    if calls == len(scheduler.timesteps):
        return
    scheduler.timesteps = scheduler.timesteps[:calls]
    scheduler.num_inference_steps = steps  # some take it from the list's length
    if hasattr(scheduler, "sigmas"):  # one for each call, and the end's
        scheduler.sigmas = torch.cat([scheduler.sigmas[:calls], scheduler.sigmas[-1:]])


class DDIMScheduler(diffusers.DDIMScheduler):
    """diffusers' DDIM, but each step leads to the next timestep of the list.

    diffusers' own leads to t − ⌊T/n⌋. With n = 90 that is always 11 timesteps further, while the
    list goes on by 11 or 12: the latents then have another level than that of the next call.
    """

    def step(
        self,
        model_output: Tensor,
        timestep: int | Tensor,
        sample: Tensor,
        eta: float = 0.0,
        generator: torch.Generator | None = None,
        return_dict: bool = True,
    ) -> DDIMSchedulerOutput | tuple[Tensor, Tensor]:
        """Song et al. 2021, arXiv 2010.02502, eq. 12; the arguments are those of diffusers."""
        at, to = self._levels(int(timestep))
        prediction = levels.prediction(self.config.prediction_type)
        clean = self._bounded(prediction.clean(sample, model_output, at))
        noise = prediction.noise(sample, model_output, at)
        # Their σ_t (eq. 16): so much of the noise is drawn anew, and the rest is ε̂.
        spread = eta * to.noise / at.noise * math.sqrt(1 - (at.signal / to.signal) ** 2)
        previous = Level(to.signal, math.sqrt(to.noise**2 - spread**2), to.t).mix(clean, noise)
        if eta > 0:
            fresh = randn_tensor(
                sample.shape, generator=generator, device=sample.device, dtype=model_output.dtype
            )
            previous = previous + spread * fresh
        if not return_dict:
            return previous, clean
        return DDIMSchedulerOutput(prev_sample=previous, pred_original_sample=clean)

    def _levels(self, timestep: int) -> tuple[Level, Level]:
        """The levels of this network call, and of the next one or the end."""
        here = preserving(float(self.alphas_cumprod[timestep]), timestep)
        times = self.timesteps.tolist()
        later = times[times.index(timestep) + 1 :]
        if not later:
            return here, preserving(float(self.final_alpha_cumprod), 0)
        return here, preserving(float(self.alphas_cumprod[later[0]]), later[0])

    def _bounded(self, clean: Tensor) -> Tensor:
        """pred_x0, cut off where the configuration says so."""
        if self.config.thresholding:
            return self._threshold_sample(clean)
        if self.config.clip_sample:
            return clean.clamp(-self.config.clip_sample_range, self.config.clip_sample_range)
        return clean


class PNDMScheduler(diffusers.PNDMScheduler):
    """diffusers' PNDM, but each step leads to the next timestep of the list (see DDIMScheduler)."""

    def _get_prev_sample(self, sample, timestep, prev_timestep, model_output) -> Tensor:
        if self.config.skip_prk_steps:
            # The second call, at the second timestep, makes the first step again: the list has
            # that timestep twice.
            path = [*dict.fromkeys(self.timesteps.tolist()), -1]
            step = max(self.counter - 1, 0)
            timestep, prev_timestep = path[step], path[step + 1]
        return super()._get_prev_sample(sample, timestep, prev_timestep, model_output)


class FlowMatchHeunDiscreteScheduler(
    diffusers.FlowMatchHeunDiscreteScheduler, diffusers.FlowMatchEulerDiscreteScheduler
):
    """diffusers' Heun of rectified flow, but at the levels that its Euler has in the same model.

    diffusers' own knows no `sigmas` and no `mu`, only a fixed shift, which it applies to levels
    that are shifted already.
    """

    __init__ = diffusers.FlowMatchEulerDiscreteScheduler.__init__  # its configuration
    timesteps: Tensor
    sigmas: Tensor

    def set_timesteps(self, num_inference_steps, device=None, sigmas=None, mu=None) -> None:
        diffusers.FlowMatchEulerDiscreteScheduler.set_timesteps(
            self, num_inference_steps, device, sigmas=sigmas, mu=mu
        )
        # Every level after the first is asked for twice: at the end of a step, and at its start.
        first, later = self.timesteps[:1], self.timesteps[1:].repeat_interleave(2)
        self.timesteps = torch.cat([first, later])
        between = self.sigmas[1:-1].repeat_interleave(2)
        self.sigmas = torch.cat([self.sigmas[:1], between, self.sigmas[-1:]])
        self.prev_derivative = self.dt = None


def end_at(scheduler, terminal: float) -> None:
    """Stretch the σ of a scheduler so that its last step begins at `terminal`.

    1 − σ becomes (1 − σ)·(1 − terminal)/(1 − σ_last), as where diffusers knows `shift_terminal`.
    """
    sigmas = scheduler.sigmas[:-1]
    sigmas = 1 - (1 - sigmas) * (1 - terminal) / (1 - sigmas[-1])
    times = sigmas * scheduler.config.num_train_timesteps
    scheduler.timesteps = times.to(scheduler.timesteps.dtype)
    scheduler.sigmas = torch.cat([sigmas, scheduler.sigmas[-1:]])


_MENDED = {
    kind.__name__: kind for kind in (DDIMScheduler, PNDMScheduler, FlowMatchHeunDiscreteScheduler)
}
