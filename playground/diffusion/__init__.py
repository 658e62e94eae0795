"""Pure mathematics of diffusion: guidance, samplers, schedules, the exact solution. No models."""
