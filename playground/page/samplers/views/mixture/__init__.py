"""Samplers on points in the plane whose ε̂ is known exactly: everything is computed in the browser.

Step count, η, guidance and spacing respond at once; no network, no request.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import playground
from playground.page.shared.view import View, read

FOLDER = Path(__file__).parent
# The same solvers take the steps of the edition that runs in a browser. A view's script is no
# module, so nothing is exported.
_MODULE = Path(playground.__file__).parent / "live" / "js" / "engine" / "solvers.js"
_STEPS = re.sub(r"^export ", "", _MODULE.read_text(encoding="utf-8"), flags=re.MULTILINE)
SOLVERS = _STEPS + (FOLDER / "plane.js").read_text(encoding="utf-8")
_PARTS = read(FOLDER)
VIEW = View(_PARTS.html_template, _PARTS.css_template, _STEPS + _PARTS.js_on_load)
# Samplers that the browser has; DDIM stands for Euler too.
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
