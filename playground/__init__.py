"""Latent Playground: see how latent diffusion listens to words."""

import os

__version__ = "0.2.0"

# ONNX Runtime reads it at its first import, which diffusers may be the one to make. Without it the
# Linux wheels (since 1.29) store a device id and send usage reports.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"


def __getattr__(name: str):
    """`Playground` is loaded when it is asked for: it brings torch with it."""
    if name == "Playground":
        from playground.client import Playground

        return Playground
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
