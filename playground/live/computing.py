"""What the page says of the ways to compute that a visitor may choose.

Figures are those of `python -m playground.measuring computing`, in assets/hosting.json.
"""

import json

from playground.paths import ASSETS


def texts() -> dict:
    """By option of js/page/choosing.js its label, its choices by value, and what they change."""
    return {
        "weights": {
            "label": "Weights of the network",
            "choices": {"half": "16 bits", "int8": "8 bits"},
            "help": eight_bits(),
        },
        "provider": {
            "label": "Computed by",
            "choices": {"wasm": "Processor (WebAssembly)", "webgpu": "Graphics card (WebGPU)"},
            "called": {"wasm": "WebAssembly", "webgpu": "WebGPU"},
            "help": "WebGPU is taken only if it gives the numbers that Python gave for one stored "
            "call, and gives them sooner. Pictures then differ by rounding.",
        },
    }


def eight_bits() -> str:
    """What weights of 8 bits change besides the bytes."""
    told = "Every weight is rounded to one of 255 values of its channel. "
    found = json.loads((ASSETS / "hosting.json").read_text(encoding="utf-8")).get("computing")
    if not found:
        return f"{told}Pictures change a little."
    eight, count = found["eight"], found["pictures"]
    usual, rounded = eight["right"]
    return (
        f"{told}A call takes as long as before, and pictures change a little: in {count} of them "
        f"a channel of a pixel by {eight['mean']:.1f} of 255 on average. The oracle finds "
        f"{rounded} of these {count} right, and {usual} with 16 bits."
    )
