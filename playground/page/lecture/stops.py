"""The stops of the guided lecture: one record each, for the lens, docs/lecture.md and tests.

`python -m playground.page.lecture.stops` writes the document.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

DOCUMENT = Path(__file__).parents[3] / "docs" / "lecture.md"
PARAMETER = "stop"  # as in ?lens=Lecture&stop=6
INTRO = (
    "# The guided lecture\n\n"
    "Eleven stops through latent diffusion, on pictures of your own: the lens *Lecture* of the "
    "page.\nA link may lead to a stop, `?lens=Lecture&stop=6`. Written from\n"
    "`playground/page/lecture/stops.py` by `python -m playground.page.lecture.stops`."
)


@dataclass(frozen=True)
class Stop:
    """`name` is its figure's (see `figures.FIGURES`), `text` one or two sentences, `attempt` one
    thing to try. In the lab it is the element `section` of the lens `lab`, and these `fields` of
    the recipe.
    """

    name: str
    title: str
    text: str
    attempt: str
    lab: str
    section: str
    source: str
    fields: Mapping[str, object] = field(default_factory=dict)


_TABLE = (
    Stop("noise", "Noise",
         "Training takes pictures apart: with every timestep t the latents hold less picture and"
         " more noise, x_t = √ᾱ·x0 + √(1 − ᾱ)·ε, until nothing but noise is left.",
         "Noise your picture and find the t at which you no longer see what it is.",
         "Samplers", "noising-start", "https://arxiv.org/abs/2006.11239"),
    Stop("reverse", "The learned reverse",
         "The network sees noisy latents and the timestep and predicts the noise ε̂ in them. "
         "What is left without it is pred_x0, its guess of the picture, which a sampler follows "
         "a little way at every step.",
         "Go through the steps: when does the guess become what you asked for?",
         "Studio", "explorer", "https://arxiv.org/abs/2006.11239"),
    Stop("conditioning", "Three ways to tell the network your words",
         "Words can stand beside the latents as more channels (concatenation), shift all "
         "features alike (adaptive normalisation), or be asked by every position for what "
         "concerns it (cross-attention), which is how they enter here.",
         "Draw two things, such as “a fox left of a pizza”, and see which words got attention.",
         "Family", "inside", "https://arxiv.org/abs/2112.10752",
         {"prompt": "a fox left of a pizza on the grass"}),
    Stop("worked", "One position, worked out",
         "A position's query q meets every token's key k: softmax(q·k/√d) says how much of each "
         "token's value it takes. These are the numbers of one position, layer and head.",
         "Draw “a red square” and look which token wins in different layers.",
         "Attention", "worked", "https://arxiv.org/abs/1706.03762", {"prompt": "a red square"}),
    Stop("compasses", "Guidance: two compasses",
         "One network answers twice, with your words (ε_c) and without (ε_u), and goes w times "
         "along the difference: ε = ε_u + w·(ε_c − ε_u). It can do without words because "
         "training dropped the prompt now and then.",
         "Slide w at an early and at a late step: where does it change more? Then train three "
         "tiny denoisers and see what happens if the prompt is never dropped.",
         "Guidance", "lookahead", "https://arxiv.org/abs/2207.12598"),
    Stop("scale", "w = 0, 1, 3, 7, 12, 25",
         "At w = 0 the words do nothing, at w = 1 they act as trained, beyond that the picture "
         "goes further than any that training showed; too far, and it falls apart.",
         "Draw the six from one noise and name the w that you would keep.",
         "Guidance", "sweep-start", "https://arxiv.org/abs/2207.12598"),
    Stop("latents", "Latents: fewer numbers",
         "The network never sees pixels. An autoencoder makes latents of a picture and a picture"
         " of latents, and all steps happen in between, on far fewer numbers.",
         "Read off how many numbers your picture has, and how many its latents.",
         "Studio", "pipeline", "https://arxiv.org/abs/2112.10752"),
    Stop("thousand", "DDPM with 1000 steps against DDIM with 50",
         "DDPM walks back through every training timestep and adds fresh noise at each. DDIM "
         "follows a path without fresh noise, so it may take longer steps.",
         "Run both on your recipe and compare seconds and pictures.",
         "Samplers", "lecture-start", "https://arxiv.org/abs/2010.02502"),
    Stop("fair", "DPM-Solver++ and fair races",
         "Better solvers use what they know of the path's bends. A race is fair in network "
         "calls, not in steps, because Heun calls the network twice a step.",
         "Race three samplers at eight calls with w = 1 and with w = 7.5: who is ahead?",
         "Samplers", "race-start", "https://arxiv.org/abs/2211.01095"),
    Stop("family", "DiT and flow, consistency",
         "A transformer (DiT) can take the U-Net's place, training for a straight flow leaves "
         "less to bend around, and a consistency model jumps to the end in a few calls. As a "
         "small file beside the U-Net, the LoRA few-steps, it is a switch of 3 MB.",
         "Draw your recipe with all three and compare calls, seconds and paths.",
         "Family", "family-start", "https://arxiv.org/abs/2303.01469"),
    Stop("tree", "The family tree",
         "Pictures, video, sound, shapes, molecules, robots: the same idea, with other networks "
         "and other ways to be told. What their makers have not published is said so.",
         "Find a system that you know, and what of it you can touch here.",
         "Family", "systems", "https://arxiv.org/abs/2112.10752"),
)  # fmt: skip
STOPS = {stop.name: stop for stop in _TABLE}


def shown(names: list[str]) -> dict:
    """What the view of all stops is given; `names` are those of the recipe's widgets."""
    return {"parameter": PARAMETER, "names": names, "stops": [asdict(s) for s in STOPS.values()]}


def document() -> str:
    """The Markdown of docs/lecture.md."""
    parts = [INTRO]
    for number, stop in enumerate(STOPS.values(), 1):
        parts.append(
            f"## {number}. {stop.title}\n\n{stop.text}\n\n*Try*: {stop.attempt} *In the lab*: "
            f"{stop.lab}. *Source*: <{stop.source}>"
        )
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
