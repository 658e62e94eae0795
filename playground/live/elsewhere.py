"""What of the served page needs Python: the sentences that the static page says in its place.

Where one stands on the page, a link to own.html follows, which says how to get it; what is said
when it is asked for stands alone.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Elsewhere:
    """`elements` of the served page, by their ids, that the static page does not have."""

    part: str
    elements: tuple[str, ...]
    sentence: str


OWN = "the playground on a machine of your own"
_TRAINED = f"What stands here was trained before. To train it while you watch, you need {OWN}."
_TABLE = (
    Elsewhere("toy", ("learn-start", "learn-stop", "lecture-toy-start", "lecture-toy-stop"),
              _TRAINED),
    Elsewhere("policy", ("policy-start", "policy-stop"), _TRAINED),
    Elsewhere(
        "other-model", ("model-text", "model-open", "model-cancel", "recipe-lora"),
        "Stable Diffusion, SDXL and other checkpoints are too large for a page, and LoRAs are "
        f"fused by Python: both need {OWN}.",
    ),
    Elsewhere(
        "figures",
        ("tradeoff-curves-saved", "variants-curves-saved", "stochastic-curves-saved",
         "errors-measured-saved", "errors-saved"),
        f"Charts as files for print (SVG, PDF) need {OWN}; their numbers are saved here.",
    ),
    Elsewhere("numbers", (), f"Keeping these numbers as files needs {OWN}."),  # said when asked
    Elsewhere("race", (), f"A race as HTML, SVG or PDF needs {OWN}; here it is saved as PNG."),
)  # fmt: skip
ELSEWHERE = {one.part: one for one in _TABLE}


def sentences() -> dict[str, str]:
    return {one.part: one.sentence for one in _TABLE}
