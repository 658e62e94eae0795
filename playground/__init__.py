"""Latent Playground: see how latent diffusion listens to words."""

__version__ = "0.2.0"


def __getattr__(name: str):
    """`Playground` is loaded when it is asked for: it brings torch with it."""
    if name == "Playground":
        from playground.client import Playground

        return Playground
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
