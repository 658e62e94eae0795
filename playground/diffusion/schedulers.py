"""diffusers' schedulers, where their steps are not those of the timesteps that they list."""

import torch


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
