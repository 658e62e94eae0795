"""Samplers on points in the plane whose ε̂ is known exactly: everything is computed in the browser.

Step count, η, guidance and spacing respond at once; no network, no request.
"""

from collections.abc import Sequence
from pathlib import Path

from playground.page.shared.view import View, read

FOLDER = Path(__file__).parent
SOLVERS = (FOLDER / "solvers.js").read_text(encoding="utf-8")
_PARTS = read(FOLDER)
VIEW = View(_PARTS.html_template, _PARTS.css_template, SOLVERS + _PARTS.js_on_load)
# Samplers that solvers.js has; DDIM stands for Euler too.
METHODS = (
    "ddim", "pndm", "euler_a", "heun", "dpmpp_2m", "dpmpp_2s", "dpmpp_2m_sde", "unipc", "deis",
)  # fmt: skip


def plane(
    centres: Sequence,
    spread: float,
    methods: Sequence[tuple[str, str, bool]],
    kinds: list[dict],
    least: float,
) -> dict:
    """`centres` [labels][blobs][2] of Gaussians; `methods` are name, label, and if stochastic.

    `kinds` are those of `schedules.kind`; `least` is the lowest σ of the training.
    """
    return {
        "centres": centres,
        "spread": spread,
        "methods": [dict(zip(("name", "label", "stochastic"), m, strict=True)) for m in methods],
        "kinds": kinds,
        "least": least,
    }
