"""Latent Playground: see how latent diffusion listens to words."""

__version__ = "0.2.0"
