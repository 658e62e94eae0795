"""Latent Playground: see how latent diffusion listens to words."""

import os

__version__ = "0.2.0"

# Nothing is reported to anybody. ONNX Runtime reads its switch at its first import, which diffusers
# may be the one to make: without it the Linux wheels (since 1.29) store a device id and send usage
# reports. The others ask for versions, count uses, or would if they were installed.
os.environ |= {
    "ORT_DISABLE_TELEMETRY": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "DO_NOT_TRACK": "1",
}


def __getattr__(name: str):
    """`Playground` is loaded when it is asked for: it brings torch with it."""
    if name == "Playground":
        from playground.client import Playground

        return Playground
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
