"""Latent Playground: see how latent diffusion listens to words."""
